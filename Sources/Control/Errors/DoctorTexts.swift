extension DoctorCheck {
  /// What its error code says.
  var text: ErrorCode.Text {
    switch self {
    case .config:
      ErrorCode.Text(
        "check: config", "the configuration loads", help: "mesh-ctl doctor config", exit: .unhealthy,
        """
        Reads the configuration as the node would, with all imports, and the bootstrap list. Errors name file, line \
        and column; `mesh-ctl config show --origin` shows where each value comes from.
        """)
    case .clock:
      ErrorCode.Text(
        "check: clock", "the clock agrees with the mesh", help: "mesh-ctl doctor clock", exit: .unhealthy,
        """
        Asks other hosts for their time and compares this clock with the middle one. Certificates carry times: with \
        more than 120 seconds of difference hosts refuse new and ending ones of each other, silently. A warning comes \
        from 5 seconds on. Set the clock by NTP (`timedatectl set-ntp true`).
        """)
    case .udpOut:
      ErrorCode.Text(
        "check: udp-out", "peers answer by UDP", help: "mesh-ctl doctor udp-out", exit: .unhealthy,
        """
        Sends to known peers and counts answers. When nobody answers, either UDP does not leave this machine (firewall, \
        provider), or the peers' ports are closed, or the network secret is another one.
        """)
    case .udpIn:
      ErrorCode.Text(
        "check: udp-in", "peers can reach this host by UDP", help: "mesh-ctl doctor udp-in", exit: .unhealthy,
        """
        Proved by a session that a peer has opened without being asked. Fails when answers reach this machine and its \
        own packet filter drops them. Where only answers come in, a firewall or a NAT lets nothing else through: open \
        or forward the mesh port for UDP.
        """)
    case .tcpIn:
      ErrorCode.Text(
        "check: tcp-in", "peers can reach this host by TCP", help: "mesh-ctl doctor tcp-in", exit: .unhealthy,
        """
        The mesh uses one port number for UDP and for TCP; large things travel by TCP. Open or forward it for both.
        """)
    case .mtu:
      ErrorCode.Text(
        "check: mtu", "datagrams of full size arrive", help: "mesh-ctl doctor mtu", exit: .unhealthy,
        """
        Datagrams of the mesh have at most 1,232 bytes and are never fragmented. A tunnel with a smaller MTU loses the \
        large ones while small ones pass, which looks like random loss.
        """)
    case .nat:
      ErrorCode.Text(
        "check: nat", "peers see the address that this host advertises", help: "mesh-ctl doctor nat", exit: .unhealthy,
        """
        Compares the address that peers see with the one this host tells. When they differ the host is behind NAT: \
        forward the port and set network.advertise. When every peer sees another port, the NAT cannot be passed by \
        forwarding alone.
        """)
    case .hardware:
      ErrorCode.Text(
        "check: hardware", "this machine meets host_requirements", help: "mesh-ctl doctor hardware", exit: .unhealthy,
        """
        A host below host_requirements joins and may hold copies, but it owns no maps. The message says which number \
        failed and which line set it.
        """)
    case .disk:
      ErrorCode.Text(
        "check: disk", "the data directory is writable and durable", help: "mesh-ctl doctor disk", exit: .unhealthy,
        """
        Writes a small file, makes it durable and measures that. Slow disks (more than 100 ms) delay every change that \
        must not be lost; network file systems may lie about durability.
        """)
    case .keys:
      ErrorCode.Text(
        "check: keys", "keys and certificate are whole and valid", help: "mesh-ctl doctor keys", exit: .unhealthy,
        """
        Checks owner, mode and content of the key files, that the certificate was signed by this network's operator \
        for these keys, and how long it lasts. `--fix` repairs modes.
        """)
    }
  }
}
