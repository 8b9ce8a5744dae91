/// What a node warns about.
extension ErrorCode.Text {
  static let notJoined = ErrorCode.Text(
    "not joined", "{peers} are being asked, none answers", help: "mesh-ctl doctor",
    exit: .noNode,
    severity: .unhealthy,
    """
    The node knows peers, from its bootstrap list or from earlier, and none of them answers. The usual reasons: the \
    mesh port is closed on one side (one port, UDP and TCP); the welcome line was for another network; the clocks \
    differ by more than 120 seconds. A node keeps trying. Strangers get no answer at all from a mesh, so a wrong \
    network looks just like a closed port.
    """)

  static let hostSuspect = ErrorCode.Text(
    "host suspect", "{host} is suspect: it does not answer on {address}",
    help: "mesh-ctl members --state suspect",
    """
    A host that misses probes is suspect until it answers or until enough other hosts agree that it is dead. A \
    slow machine or a lossy path often ends here without harm.
    """)

  static let hostDead = ErrorCode.Text(
    "host dead", "{host} does not answer on {address}", help: "mesh-ctl members --state dead",
    """
    At least two hosts (one in a mesh of three) agree that this host does not answer. It comes back by itself when \
    it is reachable again. If the machine is gone for good and you want its keys refused for ever, revoke it: \
    `mesh-ctl revoke NAME --reason TEXT`.
    """)

  static let viewsDiffer = ErrorCode.Text(
    "views differ", "{agreeing} of {all} hosts agree with this one about who is a member", help: "mesh-ctl members",
    """
    Hosts compare a digest of the whole member table with every probe. For some seconds after a change they differ; \
    for longer it means that some hosts cannot reach each other. `mesh-ctl events --since 10m` shows what changed.
    """)

  static let impaired = ErrorCode.Text(
    "this host is slow", "this host answers late itself (loop lag {lag}); it trusts its own suspicions less",
    help: "mesh-ctl doctor hardware",
    """
    The node's loop was not run in time, or probes of healthy hosts failed from here. It therefore waits longer \
    before it calls others suspect. Look for a machine out of memory or processor time.
    """)

  static let identityConflict = ErrorCode.Text(
    "identity used twice", "another process lives with the identity of this host ({host})",
    help: "mesh-ctl explain M015", exit: .refused, severity: .unhealthy,
    """
    The same key file is used by two processes, on this machine or on a copy of it. The process that began later \
    ends, the one that was there goes on. If you copied a disk or a container, make a new identity there: `mesh-ctl init --name NAME` with an \
    empty data directory. If you did not, the key file was stolen: revoke the host.
    """)

  static let certificateExpiring = ErrorCode.Text(
    "certificate expires soon", "the certificate of {host} expires in {time}", help: "mesh-ctl renew {host}",
    """
    A certificate has an end. From a third of its life before that, every screen warns. The operator renews it \
    with one command for all hosts: `mesh-ctl renew all`. After the end no peer talks to the host.
    """)

  static let certificateExpired = ErrorCode.Text(
    "certificate expired", "the certificate of {host} expired {time} ago", help: "mesh-ctl init --name {host}",
    severity: .unhealthy,
    """
    No peer talks to a host whose certificate has expired. The operator admits it again: run `mesh-ctl init` on \
    the host (it prints the same request line as before), `mesh-ctl admit` at the operator's, and \
    `mesh-ctl accept` on the host. Check first that this machine's clock is right.
    """)

  static let settingsDiffer = ErrorCode.Text(
    "settings differ", "{count} hosts run with other settings than this one", help: "mesh-ctl config show",
    severity: .notice,
    """
    Hosts publish a digest of their settings. Different settings are legal (ports, directories), but a security \
    level that differs by mistake should not pass unseen.
    """)

  static let alone = ErrorCode.Text(
    "alone", "this host knows no other host yet", help: "mesh-ctl admit --help", severity: .notice,
    """
    A network of one host works; it waits to be found. Admit a second host: `mesh-ctl init --name NAME` there, \
    `mesh-ctl admit LINE` here, `mesh-ctl accept LINE` there.
    """)

  static let revokedHere = ErrorCode.Text(
    "revoked", "the operator revoked this host: {reason}", help: "mesh-ctl events", exit: .notPermitted,
    severity: .unhealthy,
    """
    A revocation is final for these keys. Ask the operator. To come back, the host needs new keys: an empty data \
    directory, `mesh-ctl init`, and a new welcome.
    """)

  static let stateNotWritten = ErrorCode.Text(
    "state not written", "{file} cannot be written: {reason}", help: "mesh-ctl doctor disk", exit: .cannotWrite,
    severity: .unhealthy,
    """
    The node could not make a change of its state durable. Until it can, it does not act on that change. Free disk \
    space, or look at the disk's health.
    """)

  static let memoryNotLocked = ErrorCode.Text(
    "memory not locked", "keys may be written to swap: {reason}", help: "mesh-ctl explain M022", severity: .notice,
    """
    The node keeps its keys in memory that is locked, so that it never reaches a swap file. The limit on locked \
    memory (ulimit -l, LimitMEMLOCK= of a unit) was too small. With security_level high the node refuses to start.
    """)

  static let limitHit = ErrorCode.Text(
    "limit hit", "{what} is at its limit of {limit}; {count} were refused", help: "mesh-ctl status --json",
    """
    Every table and queue has a limit, so that no peer can use up the memory. A limit that is hit in normal life \
    means that the mesh has outgrown a default, or that somebody floods it.
    """)

  static let selfTestFailed = ErrorCode.Text(
    "self-test failed", "the cryptography of this machine gives wrong answers: {parts}",
    help: "mesh-ctl explain M024", severity: .unhealthy,
    """
    Before it does anything a node computes known answers (hash, HMAC, key derivation, cipher, key exchange, \
    signature). One came out wrong, so libsodium is broken or built wrongly for this processor, or the memory is \
    faulty. Install libsodium from the distribution again; if that does not help, test the memory.
    """)

  static let unsafeEnvironment = ErrorCode.Text(
    "unsafe environment", "{variable} is set: hash tables could be aimed at from outside",
    help: "mesh-node --help", exit: .configuration, severity: .unhealthy,
    """
    SWIFT_DETERMINISTIC_HASHING makes every process hash alike, so that a stranger could choose keys that make \
    tables slow. It is meant for debugging. Unset it and start again.
    """)

  static let auditBroken = ErrorCode.Text(
    "audit log broken", "the chain of {file} is broken: {reason}", help: "mesh-ctl audit --limit 50",
    exit: .unhealthy, severity: .unhealthy,
    """
    Each line of the audit log carries the hash of the line before. A break means that a line was changed, moved or \
    removed after it was written: by somebody with access to the node's data folder, or by a damaged disk. Keep a copy \
    of the file before anything else. A head that was noted earlier (`audit verify` prints it) tells whether lines \
    are missing at the end.
    """)
}
