/// Talking to a node.
extension ErrorCode.Text {
  static let noNode = ErrorCode.Text(
    "no node runs here", "no node answers on {socket}", help: "mesh-node", exit: .noNode,
    """
    mesh-ctl asks the node of this machine through a Unix socket, and nothing listens on it. Either no node runs, \
    or it runs with another data directory: give the same --dir (or --config) as the node has, or the socket \
    itself with --socket. A socket file that a killed node left behind is removed by the next start.
    """)

  static let socketNotPermitted = ErrorCode.Text(
    "control socket not permitted", "this user may not speak to the node on {socket}", help: "mesh-ctl status",
    exit: .notPermitted,
    """
    The control socket is open to root, to the user that the node runs as, and to that user's group (mode 0660), \
    inside a directory that others cannot enter. Run the command as that user, for example with sudo -u.
    """)

  static let noAnswer = ErrorCode.Text(
    "the node does not answer in time", "the node on {socket} took the request but did not answer within {time}",
    help: "mesh-ctl --timeout 30s status", exit: .noNode,
    """
    The node accepted the connection and then said nothing. It is stopped (SIGSTOP, a debugger), starved of \
    processor time, or waits for a disk that does not answer. `mesh-ctl doctor disk` measures the disk without \
    the node's help.
    """)

  static let controlVersion = ErrorCode.Text(
    "other control version", "the request has control version {theirs}, this node speaks {ours}",
    help: "mesh-ctl version", exit: .failed,
    """
    mesh-ctl and mesh-node come from releases whose control protocols differ in a way that could be misunderstood. \
    Use the mesh-ctl of the node's own release; both print theirs with `version`.
    """)

  static let badReply = ErrorCode.Text(
    "answer not understood", "the answer on {socket} is not one that this mesh-ctl understands: {reason}",
    help: "mesh-ctl version", exit: .failed,
    """
    What came back is no reply of the control protocol, is longer than a reply may be (4 MiB), or is of a kind \
    that this mesh-ctl does not know. Something else may listen on that socket, or the node is of another release.
    """)

  static let socketPathTooLong = ErrorCode.Text(
    "socket path too long", "the socket path {socket} has {length} bytes; a Unix socket's path has at most 107",
    help: "mesh-ctl explain node.control_socket", exit: .configuration,
    """
    The operating system limits the path of a Unix socket to 107 bytes. Set node.control_socket to a shorter path, \
    or use a data directory nearer to the root.
    """)

  static let badRequest = ErrorCode.Text(
    "request not understood", "the node did not understand the request: {reason}", help: "mesh-ctl version",
    exit: .failed,
    """
    A request on the control socket is one JSON object on one line of at most 64 KiB. mesh-ctl writes them right, \
    so this comes from another client or from a mesh-ctl that is newer than the node.
    """)

  static let tooManyClients = ErrorCode.Text(
    "too many control clients", "the node serves {limit} control connections already", help: "mesh-ctl status",
    exit: .noNode,
    """
    A node serves a small number of control connections, so that a forgotten script cannot use up its files. \
    End commands that follow events or watch, then try again.
    """)

  static let requestNotPermitted = ErrorCode.Text(
    "not permitted", "user {user} may look but not change anything: `{request}`", help: "mesh-ctl status",
    exit: .notPermitted,
    """
    Requests that change something need root, the user that the node runs as, or a member of that user's group. \
    Such requests and their refusals are written to the audit log.
    """)
}
