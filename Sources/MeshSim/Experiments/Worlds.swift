import Gossip
import NodeCore
import Wire

package typealias ModelSimulation = Simulation<ChannelModel>

extension Simulation where Channel == ChannelModel {
  /// A world whose nodes talk over the channel model.
  package convenience init(_ settings: WorldSettings) {
    let directory = HostDirectory(
      count: settings.hosts + settings.spares, contributors: settings.contributors,
      seed: mix64(settings.seed ^ 0x6b65_7973))
    self.init(
      settings, directory: directory, revocation: { SimulatedSigner.revocation(of: $0, in: directory) },
      make: simulatedNode)
  }

  /// What all running nodes have sent.
  package var traffic: ChannelModel.Traffic {
    var sum = ChannelModel.Traffic()
    for machine in machines { if let process = machine.process { sum.add(process.node.channel.traffic) } }
    return sum
  }
}

extension ChannelModel.Traffic {
  mutating func add(_ other: ChannelModel.Traffic) {
    gossipDatagrams += other.gossipDatagrams
    gossipBytes += other.gossipBytes
    messageBytes += other.messageBytes
    channelDatagrams += other.channelDatagrams
    channelBytes += other.channelBytes
    streamBytes += other.streamBytes
  }

  /// What was sent after `earlier`.
  func since(_ earlier: ChannelModel.Traffic) -> ChannelModel.Traffic {
    var rest = self
    rest.gossipDatagrams -= earlier.gossipDatagrams
    rest.gossipBytes -= earlier.gossipBytes
    rest.messageBytes -= earlier.messageBytes
    rest.channelDatagrams -= earlier.channelDatagrams
    rest.channelBytes -= earlier.channelBytes
    rest.streamBytes -= earlier.streamBytes
    return rest
  }
}

extension Trial {
  /// A world of this trial's size, loss and profile where nothing runs yet.
  func world(run: Int, _ change: (inout WorldSettings) -> Void = { _ in }) -> ModelSimulation {
    var settings = WorldSettings(seed: mix64(seed(of: run)), hosts: nodes)
    settings.network.loss = loss
    if options.profile == .wan { settings.network.delay = NetworkSettings.wideDelay }
    settings.sabotage = options.sabotage
    settings.profile = options.profile
    change(&settings)
    return ModelSimulation(settings)
  }

  /// A world where all see all, and have for `settle`.
  func settledWorld(run: Int, settle: UInt64 = Nanoseconds.seconds(10)) -> ModelSimulation {
    let world = world(run: run)
    world.startAll(within: Nanoseconds.seconds(1))
    _ = world.run(atMost: Nanoseconds.seconds(180), checkingEvery: Nanoseconds.milliseconds(250)) {
      world.isComplete && world.rootsAgree
    }
    world.run(for: settle)
    return world
  }

  /// The same after hours: sessions of all ages stand, rumours of the start are forgotten.
  func warmWorld(run: Int, load: Bool) -> ModelSimulation {
    let world = world(run: run) {
      $0.warm = true
      $0.load = load
    }
    world.startAll(within: Nanoseconds.seconds(1))
    _ = world.run(atMost: Nanoseconds.seconds(300), checkingEvery: Nanoseconds.milliseconds(500)) {
      world.isComplete && world.rootsAgree
    }
    world.run(for: Nanoseconds.seconds(120))
    return world
  }
}

extension Simulation {
  /// Starts every machine within a span; each joins through up to three of the first.
  package func startAll(within span: UInt64) {
    start(0)
    for machine in 1..<settings.hosts {
      let seeds = Array(0..<min(3, machine))
      scheduleStart(machine, through: seeds, at: time + chance.below(span))
    }
  }
}
