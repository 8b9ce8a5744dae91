package import SecureChannel

// The real channel is a node's channel as it is.
extension Channel: PeerChannel {}
