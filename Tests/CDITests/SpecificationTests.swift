import Testing

@testable import CDI

@Suite struct SpecificationTests {
    static let whole = """
        {"cdiVersion": "1.1.0", "kind": "vendor.com/cl.ass", "annotations": {"a": "b"},
         "containerEdits": {"env": ["ALL=1"]},
         "devices": [
          {"name": "0", "annotations": {"c": "d"}, "containerEdits": {
           "env": ["A=b=c", "EMPTY="],
           "deviceNodes": [
            {"path": "/dev/a"},
            {"path": "/dev/b", "hostPath": "/dev/vendor\\/b", "type": "b", "major": 7, "minor": 1, "fileMode": 432, "permissions": "rw",
             "uid": 0, "gid": 44}],
           "mounts": [{"hostPath": "/h", "containerPath": "/c", "type": "tmpfs", "options": ["ro", "bind"]}],
           "hooks": [{"hookName": "createContainer", "path": "/bin/x", "args": ["x", "y"], "env": ["H=1"], "timeout": 3}],
           "additionalGids": [0, 5],
           "intelRdt": {"closID": "c", "l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=20"}}}]}
        """

    @Test func everyFieldIsRead() throws {
        let specification = try Specification(Self.whole)
        #expect(specification.vendor == "vendor.com" && specification.deviceClass == "cl.ass" && specification.version == .v110)
        #expect(specification.edits.environment == ["ALL=1"])
        let edits = try #require(specification.devices["0"])
        #expect(edits.environment == ["A=b=c", "EMPTY="])
        var node = DeviceNode(path: "/dev/b")
        (node.hostPath, node.type, node.major, node.minor) = ("/dev/vendor/b", "b", 7, 1)
        (node.fileMode, node.permissions, node.uid, node.gid) = (0o660, "rw", 0, 44)
        #expect(edits.deviceNodes == [DeviceNode(path: "/dev/a"), node])
        #expect(edits.mounts == [.init(hostPath: "/h", containerPath: "/c", type: "tmpfs", options: ["ro", "bind"])])
        #expect(
            edits.hooks == [.init(stage: .createContainer, path: "/bin/x", arguments: ["x", "y"], environment: ["H=1"], timeout: 3)])
        #expect(edits.additionalGroups == [5])
        #expect(edits.intelRdt == .init(closID: "c", l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=20"))
        #expect(edits.unsupported.isEmpty)
    }

    @Test func yamlSaysTheSame() throws {
        let specification = try Specification(
            """
            ---
            cdiVersion: 0.5.0
            kind: v/c
            annotations:
            devices:
              - name: d
                containerEdits:
                  env: [N=1]
                  deviceNodes:
                    - {path: /dev/a, hostPath: /dev/b, major: 0x10, fileMode: 0660, type: c}
            """)
        let node = try #require(specification.devices["d"]?.deviceNodes.first)
        #expect(node.fileMode == 0o660 && node.major == 16 && node.hostPath == "/dev/b")
    }

    /// The smallest file, with edits of one device.
    static func file(_ version: String, kind: String = "v/c", name: String = "d", more: String = "", _ edits: String) -> String {
        #"{"cdiVersion": "\#(version)", "kind": "\#(kind)"\#(more), "devices": [{"name": "\#(name)", "containerEdits": {\#(edits)}}]}"#
    }

    @Test(arguments: ["0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0", "v0.6.0"])
    func versions(_ version: String) throws { _ = try Specification(Self.file(version, #""env": ["A=b"]"#)) }

    @Test(arguments: ["", "0.1.0", "0.2.0", "0.9.0", "2.0.0", "1.0", "vv1.0.0", "latest"])
    func unknownVersions(_ version: String) {
        #expect(throws: CDIError.self) { try Specification(Self.file(version, #""env": ["A=b"]"#)) }
    }

    /// Each feature is taken from its version on, and not in the one before.
    @Test(arguments: [
        ("0.3.0", "0.4.0", #""mounts": [{"hostPath": "/a", "containerPath": "/b", "type": "none"}]"#),
        ("0.4.0", "0.5.0", #""deviceNodes": [{"path": "/a", "hostPath": "/b"}]"#), ("0.6.0", "0.7.0", #""additionalGids": [1]"#),
        ("0.6.0", "0.7.0", #""intelRdt": {"closID": "x"}"#), ("1.0.0", "1.1.0", #""intelRdt": {"schemata": ["L3:0=f"]}"#),
        ("1.0.0", "1.1.0", #""intelRdt": {"enableMonitoring": true}"#),
        ("1.0.0", "1.1.0", #""netDevices": [{"hostInterfaceName": "eth0", "name": "net0"}]"#),
    ])
    func minimumVersions(_ before: String, _ since: String, _ edits: String) throws {
        _ = try Specification(Self.file(since, edits))
        #expect { try Specification(Self.file(before, edits)) } throws: { "\($0)".contains("\(since) or later; the file says \(before)") }
    }

    @Test func minimumVersionsOfNamesAndAnnotations() throws {
        let edits = #""env": ["A=b"]"#
        _ = try Specification(Self.file("0.5.0", name: "0", edits))
        #expect(throws: CDIError.self) { try Specification(Self.file("0.4.0", name: "0", edits)) }
        _ = try Specification(Self.file("0.6.0", kind: "v/c.d", edits))
        #expect(throws: CDIError.self) { try Specification(Self.file("0.5.0", kind: "v/c.d", edits)) }
        _ = try Specification(Self.file("0.6.0", more: #", "annotations": {"a": "b"}"#, edits))
        #expect(throws: CDIError.self) { try Specification(Self.file("0.5.0", more: #", "annotations": {"a": "b"}"#, edits)) }
        _ = try Specification(Self.file("0.3.0", more: #", "annotations": {}"#, edits))
    }

    @Test(arguments: [
        #""env": ["A"]"#, #""env": ["=b"]"#, #""env": "A=b""#, #""env": [["A=b"]]"#, #""env": []"#, #""unknown": 1"#, "",
        #""deviceNodes": [{}]"#, #""deviceNodes": [{"path": ""}]"#, #""deviceNodes": [{"path": "/a", "type": "x"}]"#,
        #""deviceNodes": [{"path": "/a", "permissions": "rx"}]"#, #""deviceNodes": [{"path": "/a", "major": "1"}]"#,
        #""deviceNodes": [{"path": "/a", "major": 1.5}]"#, #""deviceNodes": [{"path": "/a", "uid": -1}]"#,
        #""deviceNodes": [{"path": "/a", "uid": 4294967296}]"#, #""deviceNodes": [{"path": "/a", "mode": 1}]"#, #""deviceNodes": {"path": "/a"}"#,
        #""mounts": [{"hostPath": "/a"}]"#, #""mounts": [{"containerPath": "/a"}]"#,
        #""mounts": [{"hostPath": "/a", "containerPath": "/b", "options": "ro"}]"#, #""hooks": [{"hookName": "never", "path": "/a"}]"#,
        #""hooks": [{"hookName": "poststop"}]"#, #""hooks": [{"hookName": "poststop", "path": "/a", "env": ["x"]}]"#,
        #""hooks": [{"hookName": "poststop", "path": "/a", "timeout": "1"}]"#, #""intelRdt": {"closID": "a/b"}"#, #""intelRdt": {"closID": ".."}"#,
        #""intelRdt": {"enableMonitoring": "yes"}"#, #""additionalGids": [-1]"#, #""additionalGids": 1"#,
        #""netDevices": [{"name": "net0"}]"#, #""netDevices": [{"hostInterfaceName": "eth0"}]"#,
    ])
    func wrongEdits(_ edits: String) { #expect(throws: CDIError.self) { try Specification(Self.file("1.1.0", edits)) } }

    @Test(arguments: [
        "", "---", "[]", "text", "{", "\t", "a: b: c", "{\"cdiVersion\": \"1.0.0\"", "\u{0}", "[[[", "a: &x [*x]", "--- {}\n--- {}",
        #"{"kind": "v/c", "devices": [{"name": "d", "containerEdits": {"env": ["A=b"]}}]}"#,
        #"{"cdiVersion": "1.0.0", "devices": [{"name": "d", "containerEdits": {"env": ["A=b"]}}]}"#,
        #"{"cdiVersion": "1.0.0", "kind": "v/c", "devices": []}"#, #"{"cdiVersion": "1.0.0", "kind": "v/c"}"#,
        #"{"cdiVersion": "1.0.0", "kind": "vc", "devices": [{"name": "d", "containerEdits": {"env": ["A=b"]}}]}"#,
        #"{"cdiVersion": "1.0.0", "kind": "v/c", "kind": "v/d", "devices": [{"name": "d", "containerEdits": {"env": ["A=b"]}}]}"#,
        #"{"cdiVersion": "1.0.0", "kind": "v/c", "devices": [{"name": "d"}]}"#,
        #"{"cdiVersion": "1.0.0", "kind": "v/c", "devices": [{"name": "d=", "containerEdits": {"env": ["A=b"]}}]}"#,
        #"{"cdiVersion": "1.0.0", "kind": "v/c", "devices": [{"containerEdits": {"env": ["A=b"]}}]}"#,
        #"{"cdiVersion": "1.0.0", "kind": "v/c", "annotations": {"a": {}}, "devices": [{"name": "d", "containerEdits": {"env": ["A=b"]}}]}"#,
        #"{"cdiVersion": "1.0.0", "kind": "v/c", "x": 1, "devices": [{"name": "d", "containerEdits": {"env": ["A=b"]}}]}"#,
    ])
    func whatIsNoSpecification(_ text: String) { #expect(throws: CDIError.self) { try Specification(text) } }

    @Test func twoDevicesOfOneName() {
        let device = #"{"name": "d", "containerEdits": {"env": ["A=b"]}}"#
        #expect(throws: CDIError.invalidFile("it has two devices named d")) {
            try Specification(#"{"cdiVersion": "1.0.0", "kind": "v/c", "devices": [\#(device), \#(device)]}"#)
        }
    }

    @Test func errorsNameTheField() {
        #expect(throws: CDIError.invalidFile("devices[0].containerEdits.deviceNodes[0].mode is no field of a CDI specification")) {
            try Specification(Self.file("1.0.0", #""deviceNodes": [{"path": "/a", "mode": 1}]"#))
        }
        #expect(throws: CDIError.invalidFile("devices[0].containerEdits.mounts[0].containerPath is missing")) {
            try Specification(Self.file("1.0.0", #""mounts": [{"hostPath": "/a"}]"#))
        }
    }

    /// A file of any depth must not overrun the stack.
    @Test func depthHasABound() {
        #expect(throws: CDIError.self) { try Specification(String(repeating: "[", count: 100_000)) }
        #expect(throws: CDIError.self) { try Specification(String(repeating: "- ", count: 100_000)) }
    }

    /// Every prefix of a file is an error, not a crash and not half a specification.
    @Test func truncatedFiles() {
        for length in 0..<Self.whole.utf8.count {
            #expect(throws: CDIError.self) { try Specification(String(decoding: Self.whole.utf8.prefix(length), as: UTF8.self)) }
        }
    }
}

@Suite struct NumberTests {
    @Test(arguments: [("0", 0), ("7", 7), ("-7", -7), ("0660", 0o660), ("0o660", 0o660), ("0x1f", 31)])
    func integers(_ text: String, _ number: Int64) { #expect(Int64(yaml: text) == number) }

    @Test(arguments: ["", "x", "1.0", "08", "0x", "0o", "1 ", "9223372036854775808", "1_000", "١"])
    func others(_ text: String) { #expect(Int64(yaml: text) == nil) }
}
