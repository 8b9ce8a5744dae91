/// The operator's words about voters and lost shards.
extension ErrorCode.Text {
  static let votersRefused = ErrorCode.Text(
    "voters not changed", "the set of voters was not changed: {reason}", help: "mesh-ctl voters", exit: .refused,
    """
    A set of voters follows the one before by number, is signed by the operator, and copies the register from a \
    majority of the voters before it. Without such a majority the register has to be rebuilt from what the hosts know \
    (`mesh-ctl voters set … --rebuild`), which can lose records that only the lost voters had.
    """)

  static let votersIncomplete = ErrorCode.Text(
    "voters are missing", "{count} of {all} of set {number} do not vote: {names}", help: "mesh-ctl voters",
    """
    Takeovers, moves and new copies need a majority of the voters. With a minority missing everything goes on; with \
    the majority missing play goes on only where owner and copies all live. Start the voter's node. If its data folder \
    is lost for good, name other voters with `mesh-ctl voters set`.
    """)

  static let takeoverRefused = ErrorCode.Text(
    "not taken over", "shard `{shard}` was not given to another host: {reason}", help: "mesh-ctl maps",
    exit: .refused,
    """
    A shard changes hands by itself as long as one in-sync copy lives and a voter answers; that loses nothing. The \
    operator's order goes past these rules and loses what the chosen host does not have. It is meant for the case that \
    all in-sync hosts are gone for good, and counts only for the record that the operator has seen.
    """)
}
