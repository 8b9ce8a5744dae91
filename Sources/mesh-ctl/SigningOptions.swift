import ArgumentParser
import Control
import SecureChannel
import Wire

/// Where the operator's key is and what opens it.
struct OperatorOptions: ParsableArguments {
  @Option(
    name: .long, help: ArgumentHelp("The operator's key file, when it is not in the keys folder.", valueName: "file"))
  var operatorKey: String?

  @Option(name: .long, help: ArgumentHelp("A file (mode 0600) whose first line is the passphrase.", valueName: "file"))
  var passphraseFile: String?
}

/// `host,door`
struct RoleList: ExpressibleByArgument {
  var roles: Roles

  init(_ roles: Roles) { self.roles = roles }

  init?(argument: String) {
    roles = []
    for word in argument.split(separator: ",") {
      guard let role = Roles.names.first(where: { $0.name == word })?.role else { return nil }
      roles.insert(role)
    }
    guard !roles.isEmpty else { return nil }
  }

  var defaultValueDescription: String { roles.words.joined(separator: ",") }
}

/// `192.0.2.7`, `192.0.2.7:7000` or `192.0.2.0/24`.
struct AddressRange: ExpressibleByArgument {
  var address: CertifiedAddress

  init?(argument: String) {
    let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2 else { return nil }
    let text = String(parts[0])
    guard let endpoint = Endpoint(text) ?? Endpoint(address: text, port: 0) else { return nil }
    guard parts.count == 2 else {
      address = CertifiedAddress(endpoint)
      return
    }
    guard endpoint.port == 0, let bits = UInt8(parts[1]), let range = CertifiedAddress(endpoint, prefixBits: bits)
    else {
      return nil
    }
    address = range
  }
}

/// Days that a certificate lasts: 1 to 90.
struct Lifetime: ExpressibleByArgument {
  var days: UInt64

  init?(argument: String) {
    guard let days = UInt64(argument), (1...Certificate.lifetimeLimit / 86_400).contains(days) else { return nil }
    self.days = days
  }

  var seconds: UInt64 { days * 86_400 }
}

/// A name of a host or a network.
struct NameArgument: ExpressibleByArgument {
  var text: String

  init?(argument: String) {
    guard MeshName.isValid(argument.utf8) else { return nil }
    text = argument
  }

  init(_ text: String) { self.text = text }

  var defaultValueDescription: String { text }
}
