import Linux
import Testing

@testable import CDI

@Suite struct DeviceRegistryTests {
    private func registry(_ files: [(String, Int, String)]) -> DeviceRegistry {
        DeviceRegistry(directories: ["/low", "/high"], files: files.map { (path: $0.0, rank: $0.1, text: .success($0.2)) })
    }

    private func file(_ variable: String, device: String = "d", all: String = "ALL=1") -> String {
        """
        {cdiVersion: 1.0.0, kind: v/c, containerEdits: {env: [\(all)]},
         devices: [{name: \(device), containerEdits: {env: [\(variable)]}}, {name: \(device)2, containerEdits: {env: [\(variable)2]}}]}
        """
    }

    private func environment(_ registry: DeviceRegistry, _ names: String...) throws -> [String] {
        try registry.edits(for: try names.map { try QualifiedName($0) }).environment
    }

    @Test func aFilesOwnEditsComeOnceBeforeItsFirstDevice() throws {
        let registry = registry([("/low/a.json", 0, file("A=1")), ("/low/b.json", 0, file("B=1", device: "e", all: "OTHER=1"))])
        #expect(try environment(registry, "v/c=d2", "v/c=e", "v/c=d", "v/c=e") == ["ALL=1", "A=12", "OTHER=1", "B=1", "A=1"])
        #expect(try environment(registry).isEmpty)
    }

    @Test func laterDirectoriesWin() throws {
        let registry = registry([
            ("/low/a.json", 0, file("LOW=1")), ("/low/b.json", 0, file("LOWER=1")), ("/high/a.json", 1, file("HIGH=1")),
        ])
        #expect(try environment(registry, "v/c=d") == ["ALL=1", "HIGH=1"])
    }

    @Test func filesOfOneDirectoryConflict() throws {
        let registry = registry([("/low/a.json", 0, file("A=1")), ("/low/b.json", 0, file("B=1")), ("/low/c.json", 0, file("C=1", device: "e"))])
        #expect(throws: CDIError.conflict(try QualifiedName("v/c=d"), files: ["/low/a.json", "/low/b.json"])) {
            try environment(registry, "v/c=d")
        }
        #expect(try environment(registry, "v/c=e") == ["ALL=1", "C=1"])
    }

    @Test func unknownDevicesAreNamedWithWhatWasSearched() throws {
        let registry = registry([("/low/a.json", 0, file("A=1")), ("/high/bad.yaml", 1, "[]")])
        #expect {
            try environment(registry, "v/c=d", "v/c=x", "w/c=d")
        } throws: {
            "\($0)"
                == "no file defines the CDI devices v/c=x, w/c=d: searched /low and /high; /high/bad.yaml was passed over: the file is not a mapping"
        }
        // Another's broken file is no reason to withhold a device.
        #expect(try environment(registry, "v/c=d") == ["ALL=1", "A=1"])
    }

    @Test func whatCannotBeHonouredIsRefusedWhenAskedFor() throws {
        let text = """
            {cdiVersion: 1.1.0, kind: v/c, devices: [{name: d, containerEdits: {env: [A=1]}},
             {name: n, containerEdits: {netDevices: [{hostInterfaceName: eth0, name: net0}]}}]}
            """
        let registry = registry([("/low/a.json", 0, text)])
        #expect(try environment(registry, "v/c=d") == ["A=1"])
        #expect(throws: CDIError.unsupported(try QualifiedName("v/c=n"), file: "/low/a.json", field: "netDevices")) {
            try environment(registry, "v/c=n")
        }
    }

    @Test func directoriesAreReadAsTheyAre() throws {
        let root = try temporaryDirectory()
        defer { try? Files.removeTree(root) }
        let (low, high) = ("\(root)/low", "\(root)/high")
        #expect(DeviceRegistry.read([low, high]).entries.isEmpty)
        try Files.makeDirectories("\(low)/directory.json")
        try Files.makeDirectories(high)
        for (path, text) in [
            ("\(low)/a.json", file("A=1")), ("\(low)/b.yaml", file("B=1", device: "e")), ("\(low)/c.yml", "nonsense"), ("\(high)/a.yaml", file("H=1")),
            ("\(high)/empty.json", ""),
        ] { try Files.writeAtomically(Array(text.utf8), to: path) }
        try Files.writeAtomically([0xff, 0xfe], to: "\(high)/bytes.json")
        let registry = DeviceRegistry.read([low, "\(root)/none", high])
        #expect(registry.entries.map(\.path) == ["\(low)/a.json", "\(low)/b.yaml", "\(high)/a.yaml"])
        #expect(registry.unreadable.map(\.path) == ["\(high)/bytes.json", "\(high)/empty.json"])
        #expect(try environment(registry, "v/c=d", "v/c=e") == ["ALL=1", "H=1", "ALL=1", "B=1"])
        try Files.removeTree("\(high)/a.yaml")
        #expect(try environment(DeviceRegistry.read([low, high]), "v/c=d") == ["ALL=1", "A=1"])
    }

    private func temporaryDirectory() throws -> String {
        let path = "/tmp/swiftlet-cdi-\(UInt64.random(in: 0...UInt64.max))"
        try Files.makeDirectories(path)
        return path
    }
}

@Suite struct DeviceNodeTests {
    private let loop = DeviceFile(type: .block, major: 7, minor: 3, mode: 0o660, uid: 1, gid: 6)

    private func node(_ change: (inout DeviceNode) -> Void = { _ in }) -> DeviceNode {
        var node = DeviceNode(path: "/dev/x")
        change(&node)
        return node
    }

    @Test func whatIsLeftOutIsTheHosts() throws {
        let completed = try node().completed(by: loop)
        #expect(completed.type == "b" && completed.major == 7 && completed.minor == 3 && completed.fileMode == 0o660)
        #expect(completed.uid == nil && completed.gid == nil)
        #expect(try node { $0.fileMode = 0o600 }.completed(by: loop).fileMode == 0o600)
        #expect(try node { $0.type = "b" }.completed(by: loop).minor == 3)
        #expect(try node { $0.type = "u" }.completed(by: DeviceFile(type: .character, major: 1, minor: 2)).type == "u")
    }

    @Test func whatTheFileSaysWins() throws {
        let whole = node {
            ($0.type, $0.major, $0.minor) = ("c", 10, 200)
        }
        let completed = try whole.completed(by: loop)
        #expect(completed.type == "c" && completed.major == 10 && completed.minor == 200 && completed.fileMode == 0o660)
        #expect(try whole.completed(by: nil) == whole)
        #expect(try node { $0.type = "p" }.completed(by: nil).type == "p")
    }

    @Test func aDeviceThatIsNotThere() {
        #expect(throws: CDIError.self) { try node().completed(by: nil) }
        #expect(throws: CDIError.self) { try node { $0.type = "c" }.completed(by: nil) }
        #expect(throws: CDIError.self) { try node { $0.major = 1 }.completed(by: nil) }
        #expect(throws: CDIError.self) { try node { $0.type = "c" }.completed(by: loop) }
        #expect(throws: CDIError.self) { try node { $0.type = "u" }.completed(by: loop) }
    }
}
