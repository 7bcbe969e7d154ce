import Linux

extension TestNetwork {
    /// Puts a plugin of the test's own at the end of the network's chain, for a daemon that is started afterwards.
    /// - Parameter script: For sh, with CNI's variables and `$here`, the test's directory. On ADD an address is answered after it.
    func chain(_ name: String, _ script: String) throws {
        let plugin = "\(plugins)/\(name)"
        let text = """
            #!/bin/sh
            cat >/dev/null
            here=\(plugins.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" })
            [ $CNI_COMMAND = VERSION ] && echo '{"cniVersion":"0.4.0","supportedVersions":["0.4.0"]}' && exit 0
            refuse() { echo '{"cniVersion":"0.4.0","code":142,"msg":"the shelf is empty"}'; exit 1; }
            \(script)
            [ $CNI_COMMAND = ADD ] && echo '{"cniVersion":"0.4.0","ips":[{"version":"4","address":"192.0.2.7/24"}]}'
            exit 0

            """
        try Files.writeAtomically(Array(text.utf8), to: plugin, mode: 0o755)
        let list = "\(configurations)/10-test.conflist"
        let last = #""capabilities": {"bandwidth": true}}"#
        try Files.write(Files.readText(list).replacing(last, with: last + #", {"type": "\#(name)"}"#), creating: list)
    }
}

extension Daemon {
    /// Starts anew with a plugin of the test's own, `TestNetwork.chain`.
    func chain(_ name: String, _ script: String) async throws {
        try network.chain(name, script)
        try await restart()
    }

    /// Makes a file in the test's directory, by which the test's scripts go.
    nonisolated func mark(_ name: String) throws { try Files.write("", creating: "\(directory)/\(name)") }
    nonisolated func unmark(_ name: String) throws { try Files.removeTree("\(directory)/\(name)") }
    nonisolated func isMarked(_ name: String) -> Bool { Files.exists("\(directory)/\(name)") }
}
