import Control
import Testing

struct ScreensTests {
  @Test func statusScreen() {
    for (name, terminal) in Golden.terminals {
      Golden.expect(StatusScreen.text(Samples.degraded, for: terminal), is: "status-degraded-\(name)")
      Golden.expect(StatusScreen.text(Samples.healthy, for: terminal), is: "status-ok-\(name)")
      Golden.expect(StatusScreen.text(Samples.joining, for: terminal), is: "status-joining-\(name)")
    }
    Golden.expect(StatusScreen.text(Samples.healthy, for: Terminal(isTerminal: true, wide: true)), is: "status-ok-wide")
    Golden.expect(StatusScreen.plain(Samples.degraded), is: "status-degraded-plain")
  }

  @Test func membersScreen() {
    for (name, terminal) in Golden.terminals {
      Golden.expect(MembersScreen.text(Samples.members, for: terminal), is: "members-\(name)")
    }
    Golden.expect(MembersScreen.text(Samples.members, for: Terminal(isTerminal: true, wide: true)), is: "members-wide")
    Golden.expect(MembersScreen.plain(Samples.members), is: "members-plain")
  }

  @Test func eventsScreen() {
    for (name, terminal) in Golden.terminals {
      var screen = EventsScreen(for: terminal)
      Golden.expect(screen.text(Samples.events), is: "events-\(name)")
    }
    Golden.expect(EventsScreen.plain(Samples.events), is: "events-plain")
  }

  @Test func doctorScreen() {
    for (name, terminal) in Golden.terminals {
      Golden.expect(DoctorScreen.text(Samples.doctor, subject: "tiny", for: terminal), is: "doctor-\(name)")
    }
    Golden.expect(DoctorScreen.plain(Samples.doctor), is: "doctor-plain")
    #expect(DoctorScreen.exitCode(Samples.doctor) == .unhealthy)
    let warned = DoctorReply(at: Samples.now, checks: Samples.doctor.checks.filter { $0.status != .fail })
    #expect(DoctorScreen.exitCode(warned) == .ok)
    #expect(DoctorScreen.health(warned) == .degraded)
  }

  @Test func auditScreen() {
    func name(_ user: UInt32) -> String? { user == 0 ? "root" : nil }
    for (form, terminal) in Golden.terminals {
      Golden.expect(AuditScreen.text(Samples.audit, names: name, for: terminal), is: "audit-\(form)")
    }
    Golden.expect(AuditScreen.plain(Samples.audit, header: true), is: "audit-plain-wide")
    let terminal = Terminal(isTerminal: false)
    let empty = AuditReply(file: "audit.log", entries: [], unreadable: 0)
    #expect(AuditScreen.text(empty, names: name, for: terminal).hasPrefix("nobody has changed anything"))
    func check(_ breaks: String...) -> AuditCheckReply {
      AuditCheckReply(file: "audit.log", lines: 3, first: 1, last: 3, head: "ab", breaks: breaks)
    }
    #expect(
      AuditScreen.text(check(), subject: "audit log", for: terminal)
        == "audit log: OK  3 lines (1 to 3), each vouches for the one before\n\n  head ab\n")
    #expect(
      AuditScreen.text(check("line 2: x"), subject: "audit log", for: terminal)
        == "audit log: UNHEALTHY  the chain is broken: 1 place\n\n  line 2: x\n  head ab\n")
  }

  @Test func faultsAndExplanations() {
    for (name, terminal) in Golden.terminals {
      Golden.expect(FaultScreen.text(Samples.fault, for: terminal), is: "fault-\(name)")
      Golden.expect(ExplainScreen.text(.hostDead, for: terminal), is: "explain-\(name)")
    }
  }

  /// Nothing that a host says of itself may steer a terminal, and a line never depends on it.
  @Test func namesFromOutsideAreShownAsText() {
    for (_, terminal) in Golden.terminals where !terminal.colour {
      let text = MembersScreen.text(Samples.members, for: terminal) + StatusScreen.text(Samples.degraded, for: terminal)
      #expect(!text.unicodeScalars.contains("\u{1b}"))
    }
    #expect("a\u{1b}[2J\nb\u{202e}c".printable() == "a\\x1b[2J\\xab\\x202ec")
    #expect("abcdef".printable(limit: 3) == "abc…")
  }

  @Test func onTheTerminalLinesFit() {
    for width in [80, 100, 120] {
      let terminal = Terminal(width: width, isTerminal: true)
      var texts = [
        StatusScreen.text(Samples.degraded, for: terminal), StatusScreen.text(Samples.joining, for: terminal),
        DoctorScreen.text(Samples.doctor, subject: "tiny", for: terminal),
      ]
      texts += ErrorCode.allCases.map { code in
        // The message itself is one line: its spot is quoted as it is.
        ExplainScreen.text(code, for: terminal).split(separator: "\n").filter { !$0.hasPrefix("  ") }.joined(
          separator: "\n")
      }
      for line in texts.flatMap({ $0.split(separator: "\n") }) { #expect(line.count <= width, "\(line)") }
    }
  }

  @Test func membersAreFiltered() {
    func names(_ filter: MemberFilter) -> [String] {
      MembersScreen.plain(Samples.members, filter: filter).split(separator: "\n").map {
        String($0.split(separator: "\t")[1])
      }
    }
    #expect(names(.init(states: [.dead])) == ["gef-2"])
    #expect(names(.init(roles: ["door", "observer"])) == ["pay-1", "tiny"])
    #expect(names(.init(names: ["*-1"])) == ["pay-1", "mor-1", "prt-1"])
    #expect(names(.init(names: ["0a11ce*1", "tiny"])) == ["home", "tiny"])
    #expect(names(.init(states: [.alive], names: ["gef-2"])) == [])
    #expect(names(.init(names: ["*********************************************************x"])) == [])
  }

  @Test func figures() {
    #expect(Figures.short(0.000_4) == "0.4 ms")
    #expect(Figures.short(0.012) == "12 ms")
    #expect(Figures.short(1.25) == "1.3 s")
    #expect(Figures.short(72.4) == "72 s")
    #expect(Figures.short(100) == "00:01:40")
    #expect(Figures.long(6 * 86_400 + 7_860) == "6 d 02:11")
    #expect(Figures.coarse(86_400 * 88.5) == "88 days")
    #expect(Figures.coarse(3_600) == "60 minutes")
    #expect(Figures.coarse(1) == "1 second")
    #expect(Figures.percent(0.415) == "42%")
    #expect(Figures.finePercent(0.001) == "0.1%")
    #expect(Figures.bytes(999) == "999 B")
    #expect(Figures.bytes(18_412_007) == "18.4 MB")
    #expect(Figures.bytes(999_900) == "1.00 MB")
    #expect(Figures.bytes(.max) == "18.4 EB")
    #expect(Figures.decimal(-0.04, 1) == "0.0")
    #expect(Figures.decimal(.nan, 1) == "?")
    #expect(Figures.decimal(.infinity, 0) == "?")
    #expect(Figures.long(.nan) == "00:00:00")
  }
}

struct TerminalTests {
  private func terminal(_ isTerminal: Bool, _ wish: ColourWish, _ environment: [String: String]) -> Terminal {
    Terminal(
      isTerminal: isTerminal, columns: nil, rows: nil, wish: wish, environment: environment, localOffset: { _ in 0 })
  }

  /// Output, `--color`, environment -> colour.
  @Test func colourMatrix() {
    let rows: [(Bool, ColourWish, [String: String], Bool)] = [
      (true, .auto, [:], true), (false, .auto, [:], false),
      (true, .auto, ["NO_COLOR": "1"], false), (true, .auto, ["NO_COLOR": ""], true),
      (true, .auto, ["TERM": "dumb"], false), (true, .auto, ["TERM": "xterm"], true),
      (false, .auto, ["CLICOLOR_FORCE": "1"], true), (false, .auto, ["CLICOLOR_FORCE": "0"], false),
      (false, .auto, ["CLICOLOR_FORCE": "1", "NO_COLOR": "1"], false),
      (false, .auto, ["CLICOLOR_FORCE": "1", "TERM": "dumb"], false),
      (true, .never, [:], false), (true, .never, ["CLICOLOR_FORCE": "1"], false),
      (false, .always, [:], true), (true, .always, ["NO_COLOR": "1"], true),
    ]
    for (isTerminal, wish, environment, colour) in rows {
      #expect(terminal(isTerminal, wish, environment).colour == colour, "\(isTerminal) \(wish) \(environment)")
    }
  }

  @Test func sizeAndCharacters() {
    #expect(terminal(true, .auto, ["COLUMNS": "132"]).width == 132)
    #expect(terminal(true, .auto, ["COLUMNS": "x"]).width == 80)
    #expect(terminal(true, .auto, ["COLUMNS": "-5"]).width == 20)
    #expect(terminal(true, .auto, ["LANG": "C.UTF-8"]).unicode)
    #expect(!terminal(true, .auto, ["LANG": "C.UTF-8", "LC_ALL": "C"]).unicode)
    #expect(!terminal(true, .auto, ["LANG": "C.UTF-8", "TERM": "dumb"]).unicode)
  }
}
