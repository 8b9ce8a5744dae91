/// What can be wrong with a configuration or a bootstrap list. A code keeps its number for ever; scripts and search
/// engines know it by that.
package enum MessageCode: String, CaseIterable, Sendable {
  // The text.
  case openSection = "C001"
  case strayBrace = "C002"
  case openText = "C003"
  case openComment = "C004"
  case missingColon = "C005"
  case unexpected = "C006"
  case missingValue = "C007"
  case openList = "C008"
  case unknownEscape = "C009"
  case controlCharacter = "C010"
  case notUTF8 = "C011"
  case textAfterValue = "C012"
  case tooDeep = "C013"
  case badName = "C014"
  case missingBrace = "C015"
  // Names and values.
  case unknownSetting = "C020"
  case reversedRange = "C021"
  case notATruth = "C022"
  case notANumber = "C023"
  case outOfRange = "C024"
  case wrongUnit = "C025"
  case unknownChoice = "C026"
  case badAddress = "C027"
  case badPorts = "C028"
  case badPath = "C029"
  case setTwice = "C030"
  case twoSpellings = "C031"
  case notAList = "C032"
  case secret = "C033"
  case sectionWanted = "C034"
  case settingWanted = "C035"
  case unwantedList = "C036"
  case tooLong = "C037"
  // Files.
  case missingFile = "C040"
  case importCycle = "C041"
  case tooManyFiles = "C042"
  case importsTooDeep = "C043"
  case fileTooLarge = "C044"
  case unsafeFile = "C045"
  case importedTwice = "C046"
  case unreadableFile = "C047"
  case badOption = "C048"
  // Settings that do not go together.
  case encryptionOff = "C050"
  case tooFewPorts = "C051"
  case failoverTooShort = "C052"
  case moreMinimumThanCopies = "C053"
  case incomplete = "C054"
  // Warnings and notes.
  case noEffectYet = "C060"
  case copyMissing = "C061"
  case fewerPortsThanServers = "C062"
  case moreConnectionsThanFiles = "C063"
  // The bootstrap list.
  case badPeerLine = "C070"
  case badPeerName = "C071"
  case badPeerAddress = "C072"
  case badPeerKey = "C073"
  case peerTwice = "C074"
  case tooManyPeers = "C075"
}

extension MessageCode {
  /// One paragraph: what it means, why it is so, what to do. `mesh-ctl explain C020` prints it.
  package var explanation: String { page.text }

  /// A command that helps with it; `FILE` stands for the file of the message.
  package var helpCommand: String { page.command }

  private static let check = "mesh-ctl config check FILE"
  private static let show = "mesh-ctl config show --origin"

  private var page: (text: String, command: String) {
    switch self {
    case .openSection:
      (
        "A section starts with `{` and lasts to its `}`. The end of the file came first. The place shown is that of the `{`; when the indentation tells which section swallowed the `}` of another one, that section is named.",
        MessageCode.check
      )
    case .strayBrace:
      (
        "There is a `}` without an open section. Often a section further up is closed one brace too early, and its last settings stand outside of it; such settings are not reported one by one.",
        MessageCode.check
      )
    case .openText:
      (
        "A text that starts with a quote ends at the next quote in the same line. A quote inside of it is written \\\", a backslash \\\\, a line break \\n.",
        MessageCode.check
      )
    case .openComment:
      (
        "A comment that starts with /* lasts to the next */, over any number of lines; the file ended before that. Comments of one line start with // or #.",
        MessageCode.check
      )
    case .missingColon:
      (
        "A setting is `name: value` (or `name = value`), one in each line, or several with `;` between. Numbers are written without separators: `1,000` would be the value 1 and a setting named 000.",
        MessageCode.check
      )
    case .unexpected:
      (
        "Something stands where a setting, a section or an import should start. Names are made of letters, digits, `_`, `-` and dots, and stand without quotes; the only word with `@` is @include.",
        MessageCode.check
      )
    case .missingValue:
      (
        "A name and its colon are there, but no value. An empty text is written `\"\"`; a setting that should keep its default is left out or made a comment.",
        MessageCode.show
      )
    case .openList:
      (
        "A list is `[first, second]`; it may go over several lines, and a comma after the last element is allowed. Its `]` was not found before the section or the file ended, or a comma is missing between two elements.",
        MessageCode.check
      )
    case .unknownEscape:
      (
        "In a text in quotes a backslash starts an escape: \\n \\t \\r \\\" \\\\ and \\u{…} with the number of a character in hexadecimal. A backslash that means itself, as in a path of Windows, is written twice; without quotes it needs no escape.",
        MessageCode.check
      )
    case .controlCharacter:
      (
        "Configuration files are plain text. NUL and other control characters are refused, because they come from a broken copy, from UTF-16 or from something that wants to hide in a terminal.",
        MessageCode.check
      )
    case .notUTF8:
      (
        "Files are read as UTF-8, with or without a byte order mark; every ASCII file is UTF-8. A byte that cannot be UTF-8 comes from an old code page (often in a comment) or from UTF-16; save the file as UTF-8.",
        MessageCode.check
      )
    case .textAfterValue:
      (
        "After a text in quotes or a list the entry ends: at the end of the line, at `;`, `,` or `}`. Text after that would be silently lost, so it is refused.",
        MessageCode.check
      )
    case .tooDeep:
      (
        "Sections in sections and lists in lists go eight deep at most. Nothing that this program reads is deeper than three, so a brace is probably missing.",
        MessageCode.check
      )
    case .badName:
      (
        "Names of settings are words with single dots between, as in p2p_settings.network.compression. Values that are names (a user, for example) are made of letters, digits, `_`, `-` and `.` and have a greatest length.",
        MessageCode.check
      )
    case .missingBrace:
      (
        "This name is known as a section, so a `{` must follow it, in the same line or as the next thing. What stands below is read as if it were there, so that other mistakes are found too.",
        MessageCode.check
      )
    case .unknownSetting:
      (
        "No setting or section has this name in this place. It is an error and not a warning, because a mistyped security setting that is quietly ignored is worse than a node that does not start. Similar names of the same section are proposed first, then the section in which a setting of that name lives.",
        "mesh-ctl config show --defaults"
      )
    case .reversedRange:
      ("A range is written from its lower to its upper end, both included, as in 7000-7999.", MessageCode.check)
    case .notATruth:
      (
        "Yes is yes, true, on, 1 or one of rAthena's words oui, ja, si, sim; no is no, false, off, 0, non, nein, nao. Capital letters do not matter. Beware of the reverse: rAthena's own reader takes `true` for off, so it must never read this file.",
        MessageCode.check
      )
    case .notANumber:
      (
        "A number is digits, with a decimal point where the setting allows parts, and a unit where it has one (`30`, `1.5h`, `300ms`). Thousands have no separators, and there is no hexadecimal.",
        MessageCode.show
      )
    case .outOfRange:
      (
        "The value can be read, but is outside of what the setting allows. When the number fits with another unit, that is proposed: a timeout of 30000 was probably meant in milliseconds.",
        MessageCode.show
      )
    case .wrongUnit:
      (
        "Units of time are ms, s, m (or min), h and d, of sizes B, kB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (powers of 1024), of bandwidth kbps, mbps and gbps. A number without a unit is in the unit that the setting's explanation names.",
        MessageCode.show
      )
    case .unknownChoice:
      (
        "The setting takes one of a few words. `mesh-ctl config explain` lists them with what each does.",
        "mesh-ctl config explain p2p_settings.network.profile"
      )
    case .badAddress:
      (
        "IPv4 is four numbers from 0 to 255 (without leading zeros), IPv6 as usual; with a port it is 192.0.2.1:7000 or, in quotes because a `[` starts a list, \"[2001:db8::1]:7000\". Where a name is allowed it is looked up when it is needed.",
        MessageCode.show
      )
    case .badPorts:
      (
        "A range of ports is two numbers from 1 to 65535 with a hyphen between, as in 7000-7999. The first is the mesh port (UDP and TCP), the second the door for players (TCP), the rest belongs to map-servers.",
        "mesh-ctl config explain p2p_settings.network.port_range"
      )
    case .badPath:
      (
        "Paths are taken as they are: relative ones count from the working folder, `~` and variables are not expanded, and a Unix socket has at most 107 bytes (a limit of the kernel).",
        MessageCode.show
      )
    case .setTwice:
      (
        "The same setting stands twice in one file, and one of the two would be lost without a word. Both places are shown; remove one. A later file may override an earlier one: that is what conf/import/p2p_conf.txt is for. `+name:` adds to a list.",
        MessageCode.show
      )
    case .twoSpellings:
      (
        "Some settings have a second name: enable_p2p is enable, host_check_interval is check_interval. Both stand in one file here, so it is unclear which is meant. Remove one.",
        MessageCode.show
      )
    case .notAList:
      (
        "`+name: value` adds to a list that an earlier file has set. This setting is no list (or a section), so leave out the `+` to replace its value.",
        MessageCode.show
      )
    case .secret:
      (
        "Passwords and other secrets do not belong into a configuration file: it is copied, shown, pasted into chats and backed up. Write the secret into a file of its own that only this user can read (chmod 600) and name that file in the `…_file` setting.",
        MessageCode.check
      )
    case .sectionWanted:
      (
        "This name is a section with settings in it, and a plain value was given. Write `name: { … }` or the full name of one setting with dots.",
        MessageCode.show
      )
    case .settingWanted:
      (
        "This name is a setting with one value, and a section or a longer name was given.",
        MessageCode.show
      )
    case .unwantedList:
      (
        "A `[` starts a list, and this setting has a single value. An IPv6 address in brackets is therefore written in quotes: \"[2001:db8::1]:7000\".",
        MessageCode.show
      )
    case .tooLong:
      (
        "A list has more elements than the setting allows, what `+name:` adds to it included. `mesh-ctl config explain` tells the most.",
        MessageCode.show
      )
    case .missingFile:
      (
        "The file, or a file that it imports, is not there. A relative path is looked for from the working folder first (rAthena's rule), then from the folder of the importing file. The files of conf/import are made once from conf/import-tmpl, as with rAthena; the message has the command.",
        MessageCode.check
      )
    case .importCycle:
      (
        "A file imports itself, directly or through others; the chain is shown. Remove one of the imports.",
        MessageCode.check
      )
    case .tooManyFiles:
      (
        "One configuration is at most 32 files, all imports counted. Join some of them; a folder of small files is not needed here.",
        MessageCode.check
      )
    case .importsTooDeep:
      (
        "Imports within imports go eight deep at most. Let one file import the others, one below the other, instead of each the next.",
        MessageCode.check
      )
    case .fileTooLarge:
      (
        "A configuration file has at most 256 KiB; a real one has about twenty. Is this the right file?",
        MessageCode.check
      )
    case .unsafeFile:
      (
        "Whoever can write a configuration file can do what the node can do. So it must be a regular file that belongs to root or to the user of the node, and not everybody may write to it. Mend it with chmod or chown; the message has the command.",
        MessageCode.check
      )
    case .importedTwice:
      (
        "Each file is read once. A second import would repeat its settings over those that stand between, and add twice to lists. Remove one of the two imports.",
        MessageCode.check
      )
    case .unreadableFile:
      ("The file is there, but the system does not let it be read; its reason is shown.", MessageCode.check)
    case .badOption:
      (
        "`--set` takes a setting and its value with an equals sign between, as in --set network.compression=no. `p2p_settings.` may be left out. It may be given several times and wins over all files.",
        MessageCode.show
      )
    case .encryptionOff:
      (
        "Everything between hosts is encrypted and signed; there is no mode without. The setting exists because the name does, and only `yes` is accepted: a node that ran in the clear after `encryption: false`, or that ignored it, would both be wrong.",
        "mesh-ctl config explain p2p_settings.network.encryption"
      )
    case .tooFewPorts:
      (
        "The first port of port_range is the mesh port, the second the door for players, and map-servers listen on 127.0.0.1 at the third and following plus 10,000. So two ports are needed, three when this host runs map-servers.",
        "mesh-ctl config explain p2p_settings.network.port_range"
      )
    case .failoverTooShort:
      (
        "failover_timeout is the alarm for a shard without an owner. With the timers of the profile a takeover may rightly last as long as the figure shown (promise and takeover); a smaller alarm would ring in normal operation. Raise it, or choose a faster profile.",
        "mesh-ctl config explain p2p_settings.map_settings.failover_timeout"
      )
    case .moreMinimumThanCopies:
      (
        "min_replication is the smallest set of hosts that must hold a write before it counts; replication_factor is how many copies are wanted. The first cannot be larger than the second.",
        "mesh-ctl config explain p2p_settings.map_settings.min_replication"
      )
    case .incomplete:
      ("Another setting needs this one. The message names both.", MessageCode.show)
    case .noEffectYet:
      (
        "The setting is known and its value was checked, but nothing in this version acts upon it. It is kept, so that the same file works when a later version does. No other harm.",
        MessageCode.show
      )
    case .copyMissing:
      (
        "With fewer hosts than min_replication everything works, but there are fewer copies than asked for: with one host there is one, until a second host joins.",
        "mesh-ctl members"
      )
    case .fewerPortsThanServers:
      (
        "Each map-server listens on a port of its own, from the third of port_range (plus 10,000). There are more map-servers than ports, so the last ones cannot start.",
        "mesh-ctl config explain p2p_settings.network.port_range"
      )
    case .moreConnectionsThanFiles:
      (
        "Each connection needs an open file, and the limit of this process is lower than max_connections with what the node needs itself. Raise the limit (LimitNOFILE= in the unit, ulimit -n in a shell) or lower max_connections.",
        "mesh-ctl config explain p2p_settings.network.max_connections"
      )
    case .badPeerLine:
      (
        "A line of a bootstrap list has three words: the peer's name, its address with port, and its public key, as a welcome line carries them. A comment starts with #.",
        "mesh-ctl doctor"
      )
    case .badPeerName:
      (
        "A host's name has 1 to 31 small letters, digits or hyphens, as in its certificate.",
        "mesh-ctl members"
      )
    case .badPeerAddress:
      (
        "The address of a peer is 192.0.2.1:7000, [2001:db8::1]:7000 or name.example.org:7000. A name is looked up again whenever the peer is called.",
        "mesh-ctl doctor"
      )
    case .badPeerKey:
      (
        "The public key of a host is 64 bytes: 86 characters of base64url (letters, digits, `-` and `_`) without `=` at the end. It must be copied whole: a peer is trusted by this key alone, and a peer without one is never called.",
        "mesh-ctl doctor"
      )
    case .peerTwice:
      (
        "The same peer stands twice in the list, or one name stands for two keys. A peer with two addresses may have two lines with the same name and key.",
        "mesh-ctl doctor"
      )
    case .tooManyPeers:
      ("A bootstrap list has at most 64 lines with peers; three are enough for any network.", "mesh-ctl doctor")
    }
  }
}
