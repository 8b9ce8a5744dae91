/// Worlds: building, signing, publishing, activating.
extension ErrorCode.Text {
  static let worldInput = ErrorCode.Text(
    "world cannot be built", "the world cannot be built: {reason}", help: "mesh-ctl world build --help",
    exit: .badInput,
    """
    `world build` reads map caches and the list of maps as rAthena does. Something in these files is not as it should \
    be; the message names the file and the place. Nothing was written.
    """)

  static let worldFile = ErrorCode.Text(
    "no world file", "{file} is not a world: {reason}", help: "mesh-ctl world build --help", exit: .badInput,
    """
    A world file is what `world build` writes: the document and the cells of its maps, each with a check. This one was \
    cut, altered on its way, or is another file. Copy it again from where it was made; if it is damaged there too, \
    build it anew: the same inputs give the same maps.
    """)

  static let worldMapsMissing = ErrorCode.Text(
    "maps without cells", "{count} of the listed maps are in none of the map caches",
    help: "mesh-ctl world build --help",
    exit: .badInput,
    """
    A map-server would leave these maps out. Give all caches in rAthena's order (db/import, then db/re or db/pre-re, \
    then db: the large towns are only in the second one), or take the names out of the list with `delmap: NAME` in \
    conf/import/map_conf.txt.
    """)

  static let worldShards = ErrorCode.Text(
    "shard file unfit", "{file} has {errors}", help: "mesh-ctl explain map_settings.shards", exit: .badInput,
    """
    A shard file has lines `shard NAME: map map …` and, for all other maps, one last line `auto N` or `per-map`. Every \
    map must be a map of the world, and stand in one shard only. Up to ten errors are shown at once.
    """)

  static let worldUntrusted = ErrorCode.Text(
    "world not signed", "version {version} is not signed by an operator of the network `{network}`",
    help: "mesh-ctl world sign --help", exit: .unhealthy,
    """
    Hosts take a world only with the signature of their network's operator over every byte of it. Either the file has \
    not been signed yet, or another network's operator signed it, or it was altered afterwards.
    """)

  static let worldRefused = ErrorCode.Text(
    "world refused", "the node does not take version {version}: {reason}", help: "mesh-ctl world history",
    exit: .refused,
    """
    A version is never replaced by an older one, nor by another document with the same version: that would let \
    somebody bring back maps or rules that the operator has withdrawn. To go back to what was before, sign it again \
    as a new version: `mesh-ctl world sign FILE` raises the version of a file that is signed already. An expired world \
    has to be signed again too.
    """)

  static let worldTree = ErrorCode.Text(
    "another rAthena tree", "this rAthena tree is not that of the world: {reason}",
    help: "mesh-ctl world verify --help", exit: .unhealthy,
    """
    The world was built with --rathena, so every host that runs map-servers must have the same files in db, npc and \
    conf (without the import folders of conf) and the same size of mmo_charstatus. Bring the named file to what the \
    operator has, usually by checking out the same revision, or build a new world from the tree that is wanted.
    """)

  static let worldUnknown = ErrorCode.Text(
    "version not known", "there is no version {version} at this node", help: "mesh-ctl world history",
    exit: .badInput,
    """
    A node keeps three versions of the world. Older ones are gone; the operator may still have their files.
    """)

  static let worldEnding = ErrorCode.Text(
    "world ends soon", "the active world (version {version}) ends on {time}", help: "mesh-ctl world sign --help",
    severity: .degraded,
    """
    A signed world has an end, so that nobody can keep a mesh at an old state by withholding news for ever. When it \
    comes the world stays active and play goes on, but a host that was away cannot make it active any more. Sign it \
    again as a new version and publish it.
    """)

  static let worldIncomplete = ErrorCode.Text(
    "world not complete here", "version {version} is not complete at this host: {have} of {total} maps",
    help: "mesh-ctl world show", exit: .degraded,
    """
    The cells of the maps still come from peers, or some were found damaged on the disk and are being fetched again. \
    Until all are there this host may not own shards of that world. `world show` has the progress; if it stands still, \
    no host that is alive has the missing maps: publish the world file once more, on any host.
    """)
}
