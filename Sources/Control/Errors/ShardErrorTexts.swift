/// Shards and their state.
extension ErrorCode.Text {
  static let mapUnknown = ErrorCode.Text(
    "no such map or shard", "no map and no shard is called `{name}` in the active world", help: "mesh-ctl maps",
    exit: .badInput,
    """
    Names are those of the active world: maps as rAthena names them (`prontera`, without .gat), shards as the world \
    was built. A new name appears when the world that has it is active here (`mesh-ctl world show`).
    """)

  static let shardElsewhere = ErrorCode.Text(
    "another host owns the shard", "shard `{shard}` is owned by {owner}, not by this host", help: "mesh-ctl maps",
    exit: .refused,
    """
    Only the owner of a shard answers for its state; others may be behind, and a host must not speak for a shard \
    that is not its own. Ask the node on the host that is named, or wait until the shard has an owner again.
    """)

  static let shardHeld = ErrorCode.Text(
    "shard is held", "shard `{shard}` is held: {why}", help: "mesh-ctl maps", exit: .refused,
    """
    The owner acts only while every in-sync copy has promised not to ask for the shard. One does not answer, and no \
    voter can be asked to leave it out, or a planned move is under way. Nothing is lost; the shard goes on by itself \
    as soon as the host or a voter answers.
    """)

  static let belowMinimum = ErrorCode.Text(
    "too few copies", "shard `{shard}` has {copies} of at least {minimum} copies; critical writes wait for another",
    help: "mesh-ctl maps", exit: .refused,
    """
    min_replication of the world says how many hosts must hold a critical write before it is acknowledged. Writes \
    with --class normal go on. The shard gets another copy by itself when a host that may hold one is there.
    """)

  static let stateConflict = ErrorCode.Text(
    "the key has changed", "key `{key}` of shard `{shard}` was changed meanwhile: its sequence is {sequence}",
    help: "mesh-ctl state get {shard} {key}", exit: .refused,
    """
    A write with --expect is made only while the key still has the entry that the writer has seen. Read it \
    again and decide anew. Sequence 0 means that there is no such key.
    """)

  static let stateTooLarge = ErrorCode.Text(
    "too large", "the write is refused: keys have at most 256 bytes, values 128 KiB, and a shard 100,000 keys",
    help: "mesh-ctl state list {shard}", exit: .badInput,
    """
    The state of a shard is held in memory by every host that has a copy and is carried whole to a host that has to \
    catch up. Large things belong elsewhere, with a reference here.
    """)

  static let shardBusy = ErrorCode.Text(
    "shard is busy", "shard `{shard}` takes no more writes just now: {why}", help: "mesh-ctl maps", exit: .failed,
    """
    Writes wait for the slowest copy and for the disk. When more wait than may, further ones are refused at once \
    instead of late. Try again; a client that repeats a write with the same sequence has it applied once.
    """)

  static let noWorld = ErrorCode.Text(
    "no world is active", "no world is active on this host", help: "mesh-ctl world show", exit: .failed,
    """
    The world says which maps there are, how they are grouped and who votes. It is built and signed once by the \
    operator (`mesh-ctl world build`, `sign`, `publish`) and then comes to every host by itself.
    """)

  static let notSteward = ErrorCode.Text(
    "orders go to the steward", "orders about other hosts are taken by {steward}, not here",
    help: "mesh-ctl ring", exit: .refused,
    """
    One node, the first living voter, decides where shards go, and only the people who may use its control socket \
    may order it about: a volunteer's machine cannot drain another one. A host may always be drained from itself.
    """)

  static let storeHasFailed = ErrorCode.Text(
    "the store has failed", "this host cannot keep data any more: {reason}", help: "mesh-ctl doctor disk",
    exit: .cannotWrite,
    """
    A write to the store or its sync failed. Data after that point may be lost by the kernel, so nothing more is \
    written in this life of the process and its shards go to other hosts. Look after the disk, then start the node \
    anew: it reads what is whole and fetches the rest from its peers.
    """)

  static let moveNotMade = ErrorCode.Text(
    "move was not made", "shard `{shard}` was not moved: {why}", help: "mesh-ctl maps", exit: .refused,
    """
    A planned move waits until the target has everything, and gives up after two seconds rather than keep players \
    waiting. The owner stays; the steward tries again.
    """)

  static let mapsUnowned = ErrorCode.Text(
    "maps without owner", "{count} of {all} have no owner", help: "mesh-ctl maps --state unowned",
    """
    Nobody acts for these maps now. After the death of an owner another in-sync copy takes over within seconds; when \
    all hosts of a shard are away, or no voter answers, it waits until one is back. `mesh-ctl explain MAP` says of one \
    map what it waits for, `mesh-ctl members` who is away.
    """)

  static let mapsHeld = ErrorCode.Text(
    "maps are held", "{count} of {all} are held", help: "mesh-ctl maps --state held",
    """
    Their owner is there, but not every in-sync copy has promised it to be quiet, so it must not act: effects are \
    frozen, nothing is lost. The maps go on by themselves as soon as the missing host or a voter answers.
    """)

  static let copiesShort = ErrorCode.Text(
    "too few copies", "{count} of {all} have fewer copies than wanted", help: "mesh-ctl maps --state short",
    """
    replication_factor of the world says how many hosts should hold each shard. A new copy is made by itself when a \
    fit host is there; that takes as long as copying the state. Nothing acknowledged is lost as long as one in-sync \
    copy lives.
    """)

  static let orderNotConfirmed = ErrorCode.Text(
    "not confirmed", "nothing was done: the answer was not `y`", help: "mesh-ctl ring", exit: .refused,
    """
    Orders that move players ask first. Answer `y`, or give -y where nobody can be asked; --dry-run only shows \
    what would be done.
    """)

  static let snapshotMissing = ErrorCode.Text(
    "no such snapshot", "this host has no snapshot of shard `{shard}` {which}", help: "mesh-ctl state history {shard}",
    exit: .badInput,
    """
    Each host with a copy takes snapshots of its own: the newest two, the last of each hour for a day and the last of \
    each day for a week are kept. A host that got its copy later has none from before; the others may.
    """)

  static let planChanged = ErrorCode.Text(
    "the plan is another one now", "nothing was done: the plan is `{plan}` now", help: "mesh-ctl maps", exit: .refused,
    """
    What can lose data is carried out only as it was shown. Meanwhile something has changed on which it depends, for \
    instance the shard has begun another epoch. Look at the plan again with --dry-run, and decide anew.
    """)
}
