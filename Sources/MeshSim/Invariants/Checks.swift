import Gossip
import NodeCore
import Wire

/// All checks that look at every turn of every node; see `docs/simulation.md` for the list and for what is sampled.
package struct Checks {
  let directory: HostDirectory
  var truth: Truth
  private var ownEntry = OwnEntry()
  private var precedence: Precedence
  private var deaths: Deaths
  private var tombstones: Tombstones
  private var leftBySubject = LeftBySubject()
  private var ringEvents: RingEvents
  private var honesty = Honesty()
  private var messages: Messages
  private var bounds: Bounds
  /// Where the walk over each machine's table is.
  private var cursors: ContiguousArray<Int>
  private var named: ContiguousArray<Int> = []
  private(set) var failure: (number: Int, name: String, text: String, subject: Int?)?

  /// Entries of the table that each turn of its node shows to the checks, beside those that its events name: a table of
  /// 48 is seen whole every 12 turns, one of 1,000 every 500.
  private let entriesPerTurn: Int

  init(directory: HostDirectory, settings: MembershipSettings, isPlain: Bool, seed: UInt64) {
    let count = directory.count
    self.directory = directory
    truth = Truth(identities: count)
    precedence = Precedence(machines: count, identities: count)
    deaths = Deaths(directory: directory, settings: settings)
    tombstones = Tombstones(machines: count, identities: count)
    ringEvents = RingEvents(machines: count, identities: count)
    cursors = ContiguousArray(repeating: 0, count: count)
    messages = Messages(isPlain: isPlain, seed: seed)
    bounds = Bounds(machines: count, identities: count)
    entriesPerTurn = count <= 64 ? 4 : 2
  }

  // MARK: What the world did

  mutating func started(_ machine: Int, identity: Int) {
    truth[identity].endedAt = nil
    truth[identity].durableBefore = truth[identity].durable
    precedence.begin(machine: machine, identity: identity)
    deaths.begin(machine: machine, identity: identity)
    tombstones.begin(machine: machine, identity: identity)
    ringEvents.begin(machine: machine, identity: identity)
  }

  mutating func persisted(generation: UInt64, of identity: Int) {
    guard !truth[identity].isCloned else { return }
    truth[identity].durable = max(truth[identity].durable, generation)
  }
  mutating func cloned(_ identity: Int) {
    truth[identity].isCloned = true
    truth[identity].durable = 0
    truth[identity].durableBefore = 0
  }
  mutating func diskLost(_ identity: Int) { truth[identity].durable = 0 }
  mutating func ended(_ identity: Int, at time: UInt64) { truth[identity].endedAt = time }
  mutating func stalled(_ machine: Int, for span: UInt64) { deaths.stalled(machine: machine, for: span) }
  mutating func leaving(_ identity: Int, generation: UInt64) {
    truth[identity].leftGeneration = max(truth[identity].leftGeneration, generation)
  }
  mutating func revoked(_ identity: Int) { truth[identity].isRevoked = true }

  // MARK: One turn

  /// The node's own word on itself comes first: others are measured by it.
  // The node is passed as it lies, because handing over its tables would copy them, turn by turn.
  mutating func begin<Channel>(_ step: Step, _ node: inout Node<Channel>) {
    let own = node.membership.incarnation
    if own > truth[step.identity].greatest { truth[step.identity].greatest = own }
    guard let view = node.membership.entry(of: directory.identities[step.identity].host) else { return }
    judge(OwnEntry.self, ownEntry.look(atOwn: view, incarnation: own, truth[step.identity]), step.identity)
  }

  mutating func hear(
    _ event: MembershipEvent, about subject: Int?, in step: Step, _ membership: borrowing Membership
  ) {
    judge(Deaths.self, deaths.hear(event, about: subject, in: step, membership, truth), subject)
    judge(RingEvents.self, ringEvents.hear(event, about: subject, in: step, membership, truth), subject)
    judge(Tombstones.self, tombstones.hear(event, about: subject, in: step, membership, truth), subject)
    judge(Precedence.self, precedence.hear(event, about: subject, in: step, membership, truth), subject)
    judge(Honesty.self, honesty.hear(event, about: subject, in: step, membership, truth), subject)
    if let subject { named.append(subject) }
  }

  /// The entries that the turn's events named, once all of them were heard, and the next few of the table.
  mutating func walk<Channel>(_ node: inout Node<Channel>, in step: Step) {
    for subject in named { look(at: subject, of: &node, in: step) }
    named.removeAll(keepingCapacity: true)
    for _ in 0..<min(entriesPerTurn, directory.count) {
      let subject = cursors[step.machine]
      cursors[step.machine] = subject + 1 < directory.count ? subject + 1 : 0
      look(at: subject, of: &node, in: step)
    }
    judge(Deaths.self, deaths.endTurn(in: step, node.membership), nil)
    guard bounds.isDue(step.machine) else { return }
    if let found = bounds.look(at: node.membership), failure == nil {
      failure = (found.number, found.name, found.text, nil)
    }
  }

  /// What gossip has sent so far.
  var census: MessageCensus { messages.census }

  func release() { messages.release() }

  private mutating func look<Channel>(at subject: Int, of node: inout Node<Channel>, in step: Step) {
    guard subject != step.identity, let entry = node.membership.entry(of: directory.identities[subject].host) else {
      return
    }
    judge(OwnEntry.self, ownEntry.look(at: entry, of: subject, in: step, truth), subject)
    judge(Precedence.self, precedence.look(at: entry, of: subject, in: step, truth), subject)
    if entry.status == .suspect {
      judge(Deaths.self, deaths.look(at: entry, of: subject, in: step, node.membership), subject)
    }
    judge(Tombstones.self, tombstones.look(at: entry, of: subject, in: step, truth), subject)
    judge(LeftBySubject.self, leftBySubject.look(at: entry, of: subject, in: step, truth), subject)
  }

  mutating func look(at datagram: UnsafeRawBufferPointer) {
    guard let text = messages.look(at: datagram), failure == nil else { return }
    failure = (Messages.number, Messages.name, text, nil)
  }

  private mutating func judge<Check: Invariant>(_ check: Check.Type, _ text: String?, _ subject: Int?) {
    guard let text, failure == nil else { return }
    failure = (Check.number, Check.name, text, subject)
  }
}
