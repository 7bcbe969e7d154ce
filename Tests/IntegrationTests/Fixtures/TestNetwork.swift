import Linux

/// A network of a test's own: a bridge and a subnet that no other test has.
struct TestNetwork: Sendable {
    /// Names the network, and the cgroup above the test's pods.
    let name: String
    /// A device name: at most 15 bytes.
    let bridge: String
    /// The first three numbers of the subnet's addresses, with the dot after them.
    let prefix: String
    let configurations: String
    /// A folder for plugins that a test writes.
    let plugins: String
    let addresses: String

    init(directory: String) {
        let suffix = directory.split(separator: ".").last.map(String.init) ?? "test"
        name = "swiftlet-test-\(suffix)"
        bridge = "swt-\(suffix)"
        prefix = "10.\(Int.random(in: 180...250)).\(Int.random(in: 0...255))."
        configurations = "\(directory)/net.d"
        plugins = "\(directory)/plugins"
        addresses = "\(directory)/addresses"
    }

    /// Writes the network's configuration list.
    func write() throws {
        try Files.makeDirectories(configurations)
        let list = """
            {"cniVersion": "0.4.0", "name": "\(name)", "plugins": [
              {"type": "bridge", "bridge": "\(bridge)", "isGateway": true, "ipMasq": true, "hairpinMode": true,
               "ipam": {"type": "host-local", "dataDir": "\(addresses)", "ranges": [[{"subnet": "\(prefix)0/24"}]],
                        "routes": [{"dst": "0.0.0.0/0"}]}},
              {"type": "portmap", "capabilities": {"portMappings": true}},
              {"type": "bandwidth", "capabilities": {"bandwidth": true}}]}
            """
        try Files.write(list, creating: "\(configurations)/10-test.conflist")
    }

    func remove() throws {
        try Files.removeTree("\(configurations)/10-test.conflist")
    }
}
