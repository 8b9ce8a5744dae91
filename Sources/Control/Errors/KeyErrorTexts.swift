/// Keys, pastes and certificates.
extension ErrorCode.Text {
  static let requestDamaged = ErrorCode.Text(
    "request line unfit", "this request line is of no use: {reason}", help: "mesh-ctl init --help",
    exit: .badInput,
    """
    `mesh-ctl init` prints one request line, and `admit` needs all of it: chat programs cut long lines, wrap them \
    or change characters. Print it again (the same command prints the same line) and copy it as one line.
    """)

  static let welcomeDamaged = ErrorCode.Text(
    "welcome line unfit", "this welcome line is of no use: {reason}", help: "mesh-ctl accept --help",
    exit: .badInput,
    """
    `mesh-ctl admit` prints one welcome line, and `accept` needs all of it, in one piece. Nothing was written. The \
    operator can make a new one from the same request line at any time.
    """)

  static let welcomeForAnother = ErrorCode.Text(
    "welcome for another machine", "this welcome line is for {theirs}, not for this host ({ours})",
    help: "mesh-ctl init --help", exit: .badInput,
    """
    A welcome line is sealed to the keys of the machine whose request line was admitted. Either it was pasted on \
    the wrong machine, or this machine's keys were made anew after the request.
    """)

  static let otherNetworkHere = ErrorCode.Text(
    "already in another network", "this data directory belongs to the network `{ours}`, the line to `{theirs}`",
    help: "mesh-ctl accept --help", exit: .refused,
    """
    A data directory belongs to one network. To be in two, give the second one its own directory with --dir (and \
    its own request line). Nothing was changed.
    """)

  static let passphraseWrong = ErrorCode.Text(
    "passphrase wrong", "the passphrase does not open {file}", help: "mesh-ctl admit --help", exit: .notPermitted,
    """
    The operator's key is encrypted with a passphrase (Argon2id). Trying takes about a second on purpose. A lost \
    passphrase cannot be recovered: the network goes on until its certificates expire, but nobody can be admitted.
    """)

  static let passphraseUnfit = ErrorCode.Text(
    "passphrase unfit", "the passphrase {reason}", help: "mesh-ctl network create --help", exit: .usage,
    """
    A passphrase has 8 to 1,024 bytes. On a terminal it is asked twice; scripts give --passphrase-file with a file \
    that only its owner can read, whose first line is the passphrase.
    """)

  static let networkExists = ErrorCode.Text(
    "already there", "{directory} holds the keys of {what} already", help: "mesh-ctl network create --help",
    exit: .refused,
    """
    Keys are never overwritten. Use another directory with --dir, or move the old one away if you are sure that \
    nobody needs it any more.
    """)

  static let noIdentity = ErrorCode.Text(
    "no identity here", "{directory} holds no host keys", help: "mesh-ctl init --help", exit: .failed,
    """
    A host has keys of its own. `mesh-ctl init --name NAME` makes them on a new machine, \
    `mesh-ctl network create NAME` on the operator's first one.
    """)

  static let noNetwork = ErrorCode.Text(
    "not in a network", "{directory} holds no welcome: this host is in no network yet",
    help: "mesh-ctl accept --help",
    exit: .failed,
    """
    The host has keys but nobody has admitted it. Give the line that `mesh-ctl init` prints to the operator, and \
    what `mesh-ctl admit` prints there to `mesh-ctl accept` here.
    """)

  static let noOperatorKey = ErrorCode.Text(
    "no operator key here", "{directory} holds no operator key", help: "mesh-ctl admit --help", exit: .notPermitted,
    """
    Only who holds the operator's key can admit, renew and revoke. It was made by `mesh-ctl network create` and \
    lies in the keys directory of that machine, or wherever the operator moved it: give --operator-key FILE.
    """)

  static let fileMode = ErrorCode.Text(
    "file open to others", "{file} {reason}", help: "{fix}", exit: .notPermitted,
    """
    Files with secrets must belong to the user that runs the program (or to root), must have no access for group \
    and others (mode 0600), and must lie in a directory that others cannot write to. Otherwise a second user of \
    the machine could read or replace them, so they are refused.
    """)

  static let fileKind = ErrorCode.Text(
    "not a regular file", "{file} is {kind}, not a regular file", help: "ls -l {file}", exit: .notPermitted,
    """
    Key files are opened without following symbolic links, and pipes and devices are refused: what is checked \
    must be what is read.
    """)

  static let fileDamaged = ErrorCode.Text(
    "file damaged", "{file} is damaged: {reason}", help: "ls -l {file}", exit: .badInput,
    """
    Files are written whole or not at all, so this file was changed by something else, or comes from another \
    release. Restore it from a backup. Host keys can also be made anew; the operator then admits the host again.
    """)

  static let cannotWrite = ErrorCode.Text(
    "cannot write", "cannot write {file}: {reason}", help: "mesh-ctl doctor disk", exit: .cannotWrite,
    """
    The file was not changed: it is written beside its old self and renamed when it is safe on disk. Check the \
    owner and the free space of the directory.
    """)

  static let cannotRead = ErrorCode.Text(
    "cannot read", "cannot read {file}: {reason}", help: "ls -l {file}", exit: .failed,
    """
    The file is missing, or this user may not read it. Files of a node belong to the user that runs it.
    """)

  static let hostUnknown = ErrorCode.Text(
    "host unknown", "no host is called `{name}`", help: "mesh-ctl members", exit: .failed,
    """
    Hosts are named by the name in their certificate or by their host id (16 hexadecimal digits). Two hosts of one \
    name can only be told apart by their ids.
    """)

  static let confirmationMissing = ErrorCode.Text(
    "confirmation missing", "this needs a confirmation, and there is no terminal to ask on: {flag}",
    help: "mesh-ctl {command} --help", exit: .usage,
    """
    Commands that cannot be taken back ask on a terminal. In scripts the answer is given as a flag, so that it was \
    written by somebody who meant it.
    """)

  static let confirmationWrong = ErrorCode.Text(
    "not confirmed", "nothing was done: the answer was not `{expected}`", help: "mesh-ctl members", exit: .refused,
    """
    The name is typed to be sure that the right host is meant. Nothing was changed.
    """)

  static let badName = ErrorCode.Text(
    "name unfit", "`{name}` cannot be a name: {reason}", help: "mesh-ctl init --help", exit: .usage,
    """
    Names of hosts and networks have 1 to 31 characters of a-z, 0-9 and `-`, so that they can stand in addresses, \
    files and tables as they are.
    """)

  static let wrongOperator = ErrorCode.Text(
    "another operator", "the key in {file} is not the operator key of the network `{network}`",
    help: "mesh-ctl admit --help", exit: .badInput,
    """
    The file opened, but it holds the key of another network's operator. What it signs would be refused by \
    every host here.
    """)

  static let badOption = ErrorCode.Text(
    "option unfit", "{option}: {reason}", help: "mesh-ctl {command} --help", exit: .usage,
    """
    The value of an option does not fit. The message says which values do; `--help` has an example.
    """)

  static let actionGoesOn = ErrorCode.Text(
    "goes on in the background", "{action} did not finish within {time}; it goes on", help: "mesh-ctl status",
    exit: .timedOut,
    """
    Waiting ended, not the action. Look at its result with the command shown.
    """)

  static let hostUnreachable = ErrorCode.Text(
    "host not reached", "{host} could not be reached: {reason}", help: "mesh-ctl members",
    exit: .failed,
    """
    What was to be delivered needs a session with the host. Try again when `members` shows it alive; the operator \
    can also make a welcome line again, which carries the new certificate.
    """)

  static let unknownTopic = ErrorCode.Text(
    "nothing to explain", "there is no error code or setting called `{topic}`", help: "mesh-ctl explain M001",
    exit: .usage,
    """
    `explain` knows error codes (M001, C020) and settings by their full name (network.listen). docs/errors.md \
    lists all codes.
    """)

  static let timeOut = ErrorCode.Text(
    "not reached in time", "{what} did not come true within {time}", help: "mesh-ctl status", exit: .timedOut,
    """
    A command that waits for a state gave up. The state may still come.
    """)

  static let labFailed = ErrorCode.Text(
    "the lab failed", "the lab did not come about: {reason}", help: "mesh-ctl lab run --once",
    """
    A mesh of processes on this machine could not be started, or did not agree in time. On a machine that is very \
    busy a second try may do; otherwise the reason names the node and what it said last.
    """)
}
