extension ErrorCode {
  package var text: Text {
    switch self {
    // MARK: Talking to a node
    case .noNode:
      Text(
        "no node runs here", "no node answers on {socket}", help: "mesh-node", exit: .noNode,
        """
        mesh-ctl asks the node of this machine through a Unix socket, and nothing listens on it. Either no node runs, \
        or it runs with another data directory: give the same --dir (or --config) as the node has, or the socket \
        itself with --socket. A socket file that a killed node left behind is removed by the next start.
        """)
    case .socketNotPermitted:
      Text(
        "control socket not permitted", "this user may not speak to the node on {socket}", help: "mesh-ctl status",
        exit: .notPermitted,
        """
        The control socket is open to root, to the user that the node runs as, and to that user's group (mode 0660), \
        inside a directory that others cannot enter. Run the command as that user, for example with sudo -u.
        """)
    case .noAnswer:
      Text(
        "the node does not answer in time", "the node on {socket} took the request but did not answer within {time}",
        help: "mesh-ctl --timeout 30s status", exit: .noNode,
        """
        The node accepted the connection and then said nothing. It is stopped (SIGSTOP, a debugger), starved of \
        processor time, or waits for a disk that does not answer. `mesh-ctl doctor disk` measures the disk without \
        the node's help.
        """)
    case .controlVersion:
      Text(
        "other control version", "the request has control version {theirs}, this node speaks {ours}",
        help: "mesh-ctl version", exit: .failed,
        """
        mesh-ctl and mesh-node come from releases whose control protocols differ in a way that could be misunderstood. \
        Use the mesh-ctl of the node's own release; both print theirs with `version`.
        """)
    case .badReply:
      Text(
        "answer not understood", "the answer on {socket} is not one that this mesh-ctl understands: {reason}",
        help: "mesh-ctl version", exit: .failed,
        """
        What came back is no reply of the control protocol, is longer than a reply may be (4 MiB), or is of a kind \
        that this mesh-ctl does not know. Something else may listen on that socket, or the node is of another release.
        """)
    case .socketPathTooLong:
      Text(
        "socket path too long", "the socket path {socket} has {length} bytes; a Unix socket's path has at most 107",
        help: "mesh-ctl explain node.control_socket", exit: .configuration,
        """
        The operating system limits the path of a Unix socket to 107 bytes. Set node.control_socket to a shorter path, \
        or use a data directory nearer to the root.
        """)
    case .badRequest:
      Text(
        "request not understood", "the node did not understand the request: {reason}", help: "mesh-ctl version",
        exit: .failed,
        """
        A request on the control socket is one JSON object on one line of at most 64 KiB. mesh-ctl writes them right, \
        so this comes from another client or from a mesh-ctl that is newer than the node.
        """)
    case .tooManyClients:
      Text(
        "too many control clients", "the node serves {limit} control connections already", help: "mesh-ctl status",
        exit: .noNode,
        """
        A node serves a small number of control connections, so that a forgotten script cannot use up its files. \
        End commands that follow events or watch, then try again.
        """)
    case .requestNotPermitted:
      Text(
        "not permitted", "user {user} may look but not change anything: `{request}`", help: "mesh-ctl status",
        exit: .notPermitted,
        """
        Requests that change something need root, the user that the node runs as, or a member of that user's group. \
        Such requests and their refusals are written to the audit log.
        """)

    // MARK: What a node warns about
    case .notJoined:
      Text(
        "not joined", "{peers} are being asked, none answers", help: "mesh-ctl doctor",
        exit: .noNode,
        severity: .unhealthy,
        """
        The node knows peers, from its bootstrap list or from earlier, and none of them answers. The usual reasons: the \
        mesh port is closed on one side (one port, UDP and TCP); the welcome line was for another network; the clocks \
        differ by more than 120 seconds. A node keeps trying. Strangers get no answer at all from a mesh, so a wrong \
        network looks just like a closed port.
        """)
    case .hostSuspect:
      Text(
        "host suspect", "{host} is suspect: it does not answer on {address}",
        help: "mesh-ctl members --state suspect",
        """
        A host that misses probes is suspect until it answers or until enough other hosts agree that it is dead. A \
        slow machine or a lossy path often ends here without harm.
        """)
    case .hostDead:
      Text(
        "host dead", "{host} does not answer on {address}", help: "mesh-ctl members --state dead",
        """
        At least two hosts (one in a mesh of three) agree that this host does not answer. It comes back by itself when \
        it is reachable again. If the machine is gone for good and you want its keys refused for ever, revoke it: \
        `mesh-ctl revoke NAME --reason TEXT`.
        """)
    case .viewsDiffer:
      Text(
        "views differ", "{agreeing} of {all} hosts agree with this one about who is a member", help: "mesh-ctl members",
        """
        Hosts compare a digest of the whole member table with every probe. For some seconds after a change they differ; \
        for longer it means that some hosts cannot reach each other. `mesh-ctl events --since 10m` shows what changed.
        """)
    case .impaired:
      Text(
        "this host is slow", "this host answers late itself (loop lag {lag}); it trusts its own suspicions less",
        help: "mesh-ctl doctor hardware",
        """
        The node's loop was not run in time, or probes of healthy hosts failed from here. It therefore waits longer \
        before it calls others suspect. Look for a machine out of memory or processor time.
        """)
    case .identityConflict:
      Text(
        "identity used twice", "another process lives with the identity of this host ({host})",
        help: "mesh-ctl explain M015", exit: .refused, severity: .unhealthy,
        """
        The same key file is used by two processes, on this machine or on a copy of it. The one with the older life \
        ends. If you copied a disk or a container, make a new identity there: `mesh-ctl init --name NAME` with an \
        empty data directory. If you did not, the key file was stolen: revoke the host.
        """)
    case .certificateExpiring:
      Text(
        "certificate expires soon", "the certificate of {host} expires in {time}", help: "mesh-ctl renew {host}",
        """
        A certificate has an end. From a third of its life before that, every screen warns. The operator renews it \
        with one command for all hosts: `mesh-ctl renew all`. After the end no peer talks to the host.
        """)
    case .certificateExpired:
      Text(
        "certificate expired", "the certificate of {host} expired {time} ago", help: "mesh-ctl init --name {host}",
        severity: .unhealthy,
        """
        No peer talks to a host whose certificate has expired. The operator admits it again: run `mesh-ctl init` on \
        the host (it prints the same request line as before), `mesh-ctl admit` at the operator's, and \
        `mesh-ctl accept` on the host. Check first that this machine's clock is right.
        """)
    case .settingsDiffer:
      Text(
        "settings differ", "{count} hosts run with other settings than this one", help: "mesh-ctl config show",
        severity: .notice,
        """
        Hosts publish a digest of their settings. Different settings are legal (ports, directories), but a security \
        level that differs by mistake should not pass unseen.
        """)
    case .alone:
      Text(
        "alone", "this host knows no other host yet", help: "mesh-ctl admit --help", severity: .notice,
        """
        A network of one host works; it waits to be found. Admit a second host: `mesh-ctl init --name NAME` there, \
        `mesh-ctl admit LINE` here, `mesh-ctl accept LINE` there.
        """)
    case .revokedHere:
      Text(
        "revoked", "the operator revoked this host: {reason}", help: "mesh-ctl events", exit: .notPermitted,
        severity: .unhealthy,
        """
        A revocation is final for these keys. Ask the operator. To come back, the host needs new keys: an empty data \
        directory, `mesh-ctl init`, and a new welcome.
        """)
    case .stateNotWritten:
      Text(
        "state not written", "{file} cannot be written: {reason}", help: "mesh-ctl doctor disk", exit: .cannotWrite,
        severity: .unhealthy,
        """
        The node could not make a change of its state durable. Until it can, it does not act on that change. Free disk \
        space, or look at the disk's health.
        """)
    case .memoryNotLocked:
      Text(
        "memory not locked", "keys may be written to swap: {reason}", help: "mesh-ctl explain M022", severity: .notice,
        """
        The node keeps its keys in memory that is locked, so that it never reaches a swap file. The limit on locked \
        memory (ulimit -l, LimitMEMLOCK= of a unit) was too small. With security_level high the node refuses to start.
        """)
    case .limitHit:
      Text(
        "limit hit", "{what} is at its limit of {limit}; {count} were refused", help: "mesh-ctl status --json",
        """
        Every table and queue has a limit, so that no peer can use up the memory. A limit that is hit in normal life \
        means that the mesh has outgrown a default, or that somebody floods it.
        """)

    case .selfTestFailed:
      Text(
        "self-test failed", "the cryptography of this machine gives wrong answers: {parts}",
        help: "mesh-ctl explain M024", severity: .unhealthy,
        """
        Before it does anything a node computes known answers (hash, HMAC, key derivation, cipher, key exchange, \
        signature). One came out wrong, so libsodium is broken or built wrongly for this processor, or the memory is \
        faulty. Install libsodium from the distribution again; if that does not help, test the memory.
        """)
    case .unsafeEnvironment:
      Text(
        "unsafe environment", "{variable} is set: hash tables could be aimed at from outside",
        help: "mesh-node --help", exit: .configuration, severity: .unhealthy,
        """
        SWIFT_DETERMINISTIC_HASHING makes every process hash alike, so that a stranger could choose keys that make \
        tables slow. It is meant for debugging. Unset it and start again.
        """)

    // MARK: Joining
    case .noPeerAnswers:
      Text(
        "no peer answers", "no peer answered within {time}: {peers}", help: "mesh-ctl doctor", exit: .noNode,
        """
        Given with --join-timeout, a node that reaches nobody ends instead of trying on. The reasons are those of M010: \
        a closed port (UDP and TCP), a welcome line of another network, a clock that is off by more than 120 seconds.
        """)
    case .foreignNetwork:
      Text(
        "another network", "this line belongs to the network `{theirs}`, here is `{ours}`", help: "mesh-ctl status",
        exit: .badInput,
        """
        Lines that are pasted between machines name their network. A machine can be in one network per data \
        directory; use another --dir for another network.
        """)
    case .bootstrapLine:
      Text(
        "bootstrap line not understood", "line {line} of {file} is not `name address:port public-key`: {reason}",
        help: "mesh-ctl doctor config", exit: .configuration,
        """
        The bootstrap list has one peer per line: a name, an address or host name with a port, and the peer's public \
        key (86 characters). `#` begins a comment. `mesh-ctl accept` writes it from the welcome line.
        """)
    case .nameNotResolved:
      Text(
        "name not found", "the host name `{name}` of the bootstrap list has no address: {reason}",
        help: "mesh-ctl doctor udp-out",
        """
        Names in the bootstrap list are looked up at the start and again while nobody answers. A node also remembers \
        peers by address, so a name that fails is no harm while one remembered peer lives.
        """)
    case .portInUse:
      Text(
        "port in use", "cannot listen on {address}: {reason}", help: "mesh-ctl explain network.listen",
        exit: .configuration,
        """
        Another program, or another node, has this port. Choose one with network.listen (ports 7000 to 7999 are the \
        mesh's by default), or stop the other program.
        """)

    case .configurationBroken:
      Text(
        "configuration broken", "the configuration has {errors}", help: "mesh-ctl config check", exit: .configuration,
        """
        Nothing is done with a configuration that has an error: a typing mistake in a security setting must not pass. \
        Each error names file, line and column; `mesh-ctl explain C020` explains a code of the configuration.
        """)

    // MARK: Keys, pastes and certificates
    case .requestDamaged:
      Text(
        "request line unfit", "this request line is of no use: {reason}", help: "mesh-ctl init --help",
        exit: .badInput,
        """
        `mesh-ctl init` prints one request line, and `admit` needs all of it: chat programs cut long lines, wrap them \
        or change characters. Print it again (the same command prints the same line) and copy it as one line.
        """)
    case .welcomeDamaged:
      Text(
        "welcome line unfit", "this welcome line is of no use: {reason}", help: "mesh-ctl accept --help",
        exit: .badInput,
        """
        `mesh-ctl admit` prints one welcome line, and `accept` needs all of it, in one piece. Nothing was written. The \
        operator can make a new one from the same request line at any time.
        """)
    case .welcomeForAnother:
      Text(
        "welcome for another machine", "this welcome line is for {theirs}, not for this host ({ours})",
        help: "mesh-ctl init --help", exit: .badInput,
        """
        A welcome line is sealed to the keys of the machine whose request line was admitted. Either it was pasted on \
        the wrong machine, or this machine's keys were made anew after the request.
        """)
    case .otherNetworkHere:
      Text(
        "already in another network", "this data directory belongs to the network `{ours}`, the line to `{theirs}`",
        help: "mesh-ctl accept --help", exit: .refused,
        """
        A data directory belongs to one network. To be in two, give the second one its own directory with --dir (and \
        its own request line). Nothing was changed.
        """)
    case .passphraseWrong:
      Text(
        "passphrase wrong", "the passphrase does not open {file}", help: "mesh-ctl admit --help", exit: .notPermitted,
        """
        The operator's key is encrypted with a passphrase (Argon2id). Trying takes about a second on purpose. A lost \
        passphrase cannot be recovered: the network goes on until its certificates expire, but nobody can be admitted.
        """)
    case .passphraseUnfit:
      Text(
        "passphrase unfit", "the passphrase {reason}", help: "mesh-ctl network create --help", exit: .usage,
        """
        A passphrase has 8 to 1,024 bytes. On a terminal it is asked twice; scripts give --passphrase-file with a file \
        that only its owner can read, whose first line is the passphrase.
        """)
    case .networkExists:
      Text(
        "already there", "{directory} holds the keys of {what} already", help: "mesh-ctl network create --help",
        exit: .refused,
        """
        Keys are never overwritten. Use another directory with --dir, or move the old one away if you are sure that \
        nobody needs it any more.
        """)
    case .noIdentity:
      Text(
        "no identity here", "{directory} holds no host keys", help: "mesh-ctl init --help", exit: .failed,
        """
        A host has keys of its own. `mesh-ctl init --name NAME` makes them on a new machine, \
        `mesh-ctl network create NAME` on the operator's first one.
        """)
    case .noNetwork:
      Text(
        "not in a network", "{directory} holds no welcome: this host is in no network yet",
        help: "mesh-ctl accept --help",
        exit: .failed,
        """
        The host has keys but nobody has admitted it. Give the line that `mesh-ctl init` prints to the operator, and \
        what `mesh-ctl admit` prints there to `mesh-ctl accept` here.
        """)
    case .noOperatorKey:
      Text(
        "no operator key here", "{directory} holds no operator key", help: "mesh-ctl admit --help", exit: .notPermitted,
        """
        Only who holds the operator's key can admit, renew and revoke. It was made by `mesh-ctl network create` and \
        lies in the keys directory of that machine, or wherever the operator moved it: give --operator-key FILE.
        """)
    case .fileMode:
      Text(
        "file open to others", "{file} {reason}", help: "{fix}", exit: .notPermitted,
        """
        Files with secrets must belong to the user that runs the program (or to root), must have no access for group \
        and others (mode 0600), and must lie in a directory that others cannot write to. Otherwise a second user of \
        the machine could read or replace them, so they are refused.
        """)
    case .fileKind:
      Text(
        "not a regular file", "{file} is {kind}, not a regular file", help: "ls -l {file}", exit: .notPermitted,
        """
        Key files are opened without following symbolic links, and pipes and devices are refused: what is checked \
        must be what is read.
        """)
    case .fileDamaged:
      Text(
        "file damaged", "{file} is damaged: {reason}", help: "ls -l {file}", exit: .badInput,
        """
        Files are written whole or not at all, so this file was changed by something else, or comes from another \
        release. Restore it from a backup. Host keys can also be made anew; the operator then admits the host again.
        """)
    case .cannotWrite:
      Text(
        "cannot write", "cannot write {file}: {reason}", help: "mesh-ctl doctor disk", exit: .cannotWrite,
        """
        The file was not changed: it is written beside its old self and renamed when it is safe on disk. Check the \
        owner and the free space of the directory.
        """)
    case .cannotRead:
      Text(
        "cannot read", "cannot read {file}: {reason}", help: "ls -l {file}", exit: .failed,
        """
        The file is missing, or this user may not read it. Files of a node belong to the user that runs it.
        """)
    case .hostUnknown:
      Text(
        "host unknown", "no host is called `{name}`", help: "mesh-ctl members", exit: .failed,
        """
        Hosts are named by the name in their certificate or by their host id (16 hexadecimal digits). Two hosts of one \
        name can only be told apart by their ids.
        """)
    case .confirmationMissing:
      Text(
        "confirmation missing", "this needs a confirmation, and there is no terminal to ask on: {flag}",
        help: "mesh-ctl {command} --help", exit: .usage,
        """
        Commands that cannot be taken back ask on a terminal. In scripts the answer is given as a flag, so that it was \
        written by somebody who meant it.
        """)
    case .confirmationWrong:
      Text(
        "not confirmed", "nothing was done: the answer was not `{expected}`", help: "mesh-ctl members", exit: .refused,
        """
        The name is typed to be sure that the right host is meant. Nothing was changed.
        """)
    case .badName:
      Text(
        "name unfit", "`{name}` cannot be a name: {reason}", help: "mesh-ctl init --help", exit: .usage,
        """
        Names of hosts and networks have 1 to 31 characters of a-z, 0-9 and `-`, so that they can stand in addresses, \
        files and tables as they are.
        """)
    case .wrongOperator:
      Text(
        "another operator", "the key in {file} is not the operator key of the network `{network}`",
        help: "mesh-ctl admit --help", exit: .badInput,
        """
        The file opened, but it holds the key of another network's operator. What it signs would be refused by \
        every host here.
        """)
    case .badOption:
      Text(
        "option unfit", "{option}: {reason}", help: "mesh-ctl {command} --help", exit: .usage,
        """
        The value of an option does not fit. The message says which values do; `--help` has an example.
        """)
    case .actionGoesOn:
      Text(
        "goes on in the background", "{action} did not finish within {time}; it goes on", help: "mesh-ctl status",
        exit: .timedOut,
        """
        Waiting ended, not the action. Look at its result with the command shown.
        """)
    case .hostUnreachable:
      Text(
        "host not reached", "{host} could not be reached: {reason}", help: "mesh-ctl members",
        exit: .failed,
        """
        What was to be delivered needs a session with the host. Try again when `members` shows it alive; the operator \
        can also make a welcome line again, which carries the new certificate.
        """)
    case .unknownTopic:
      Text(
        "nothing to explain", "there is no error code or setting called `{topic}`", help: "mesh-ctl explain M001",
        exit: .usage,
        """
        `explain` knows error codes (M001, C020) and settings by their full name (network.listen). docs/errors.md \
        lists all codes.
        """)
    case .timeOut:
      Text(
        "not reached in time", "{what} did not come true within {time}", help: "mesh-ctl status", exit: .timedOut,
        """
        A command that waits for a state gave up. The state may still come.
        """)

    case .labFailed:
      Text(
        "the lab failed", "the lab did not come about: {reason}", help: "mesh-ctl lab run --once",
        """
        A mesh of processes on this machine could not be started, or did not agree in time. On a machine that is very \
        busy a second try may do; otherwise the reason names the node and what it said last.
        """)
    // MARK: What doctor finds
    case .checkConfig: DoctorCheck.config.text
    case .checkClock: DoctorCheck.clock.text
    case .checkUDPOut: DoctorCheck.udpOut.text
    case .checkUDPIn: DoctorCheck.udpIn.text
    case .checkTCPIn: DoctorCheck.tcpIn.text
    case .checkMTU: DoctorCheck.mtu.text
    case .checkNAT: DoctorCheck.nat.text
    case .checkHardware: DoctorCheck.hardware.text
    case .checkDisk: DoctorCheck.disk.text
    case .checkKeys: DoctorCheck.keys.text
    }
  }
}
