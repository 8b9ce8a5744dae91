/// Joining.
extension ErrorCode.Text {
  static let noPeerAnswers = ErrorCode.Text(
    "no peer answers", "no peer answered within {time}: {peers}", help: "mesh-ctl doctor", exit: .noNode,
    """
    Given with --join-timeout, a node that reaches nobody ends instead of trying on. The reasons are those of M010: \
    a closed port (UDP and TCP), a welcome line of another network, a clock that is off by more than 120 seconds.
    """)

  static let foreignNetwork = ErrorCode.Text(
    "another network", "this line belongs to the network `{theirs}`, here is `{ours}`", help: "mesh-ctl status",
    exit: .badInput,
    """
    Lines that are pasted between machines name their network. A machine can be in one network per data \
    directory; use another --dir for another network.
    """)

  static let bootstrapLine = ErrorCode.Text(
    "bootstrap line not understood", "line {line} of {file} is not `name address:port public-key`: {reason}",
    help: "mesh-ctl doctor config", exit: .configuration,
    """
    The bootstrap list has one peer per line: a name, an address or host name with a port, and the peer's public \
    key (86 characters). `#` begins a comment. `mesh-ctl accept` writes it from the welcome line.
    """)

  static let nameNotResolved = ErrorCode.Text(
    "name not found", "the host name `{name}` of the bootstrap list has no address: {reason}",
    help: "mesh-ctl doctor udp-out",
    """
    Names in the bootstrap list are looked up at the start and again while nobody answers. A node also remembers \
    peers by address, so a name that fails is no harm while one remembered peer lives.
    """)

  static let portInUse = ErrorCode.Text(
    "port in use", "cannot listen on {address}: {reason}", help: "mesh-ctl explain network.listen",
    exit: .configuration,
    """
    Another program, or another node, has this port. Choose one with network.listen (ports 7000 to 7999 are the \
    mesh's by default), or stop the other program.
    """)

  static let configurationBroken = ErrorCode.Text(
    "configuration broken", "the configuration has {errors}", help: "mesh-ctl config check", exit: .configuration,
    """
    Nothing is done with a configuration that has an error: a typing mistake in a security setting must not pass. \
    Each error names file, line and column; `mesh-ctl explain C020` explains a code of the configuration.
    """)
}
