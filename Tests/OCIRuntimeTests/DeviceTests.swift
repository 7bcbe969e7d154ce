import CRI
import Linux
import OCI
import Testing

@testable import CDI
@testable import OCIRuntime

@Suite struct DevicesBuilderTests {
    private func device(_ path: String, _ minor: Int64 = 1, source: String? = nil, access: String = "rw") -> ResolvedDevice {
        ResolvedDevice(
            device: .init(path: path, type: "c", major: 10, minor: minor, fileMode: 0o600, uid: 0, gid: 0), access: access,
            source: source ?? path)
    }

    private func rule(_ minor: Int64, _ access: String = "rw") -> Spec.DeviceRule {
        .init(allow: true, type: "c", major: 10, minor: minor, access: access)
    }

    private let denied = Spec.DeviceRule(allow: false, access: "rwm")

    @Test func devicesOfEveryOrigin() throws {
        var sample = Sample()
        #expect(try sample.build().linux?.devices == nil)
        sample.devices.configured = [device("/dev/a", 1), device("/dev/b", 2, access: "r")]
        sample.devices.requested = [device("/dev/c", 3)]
        sample.devices.injected = [device("/dev/a", 4)]
        let linux = try #require(try sample.build().linux)
        #expect(linux.devices?.map(\.path) == ["/dev/b", "/dev/c", "/dev/a"])
        #expect(linux.devices?.last?.minor == 4)
        #expect(linux.resources?.devices == [denied, rule(1), rule(2, "r"), rule(3), rule(4)])
    }

    @Test func privilegedContainersHaveTheHostsToo() throws {
        var sample = Sample()
        sample.config.linux.securityContext.privileged = true
        sample.devices.host = [device("/dev/a", 1).device, device("/dev/b", 2).device]
        sample.devices.requested = [device("/dev/a", 1), device("/dev/new", 2)]
        let linux = try #require(try sample.build().linux)
        #expect(linux.devices?.map(\.path) == ["/dev/b", "/dev/a", "/dev/new"])
        #expect(linux.resources?.devices == [.init(allow: true, access: "rwm")])
        sample.devices.requested = [device("/dev/a", 2, source: "/dev/b")]
        #expect { try sample.build() } throws: { "\($0)".contains("asks for /dev/b as /dev/a, which is another device") }
    }

    @Test func aHandlerMayWithholdTheHostsDevices() throws {
        var sample = Sample()
        sample.config.linux.securityContext.privileged = true
        sample.devices.requested = [device("/dev/c", 3, access: "rwm")]
        let linux = try #require(try sample.build().linux)
        #expect(linux.devices?.map(\.path) == ["/dev/c"])
        #expect(linux.resources?.devices == [denied, rule(3, "rwm")])
    }

    @Test func ownershipFromTheSecurityContext() throws {
        var sample = Sample()
        sample.devices.requested = [device("/dev/c")]
        sample.devices.configured = [device("/dev/a")]
        sample.user = ResolvedUser(uid: 1000, gid: 2000)
        sample.config.linux.securityContext.runAsUser.value = 1000
        sample.config.linux.securityContext.runAsGroup.value = 2000
        #expect(try sample.build().linux?.devices?.map(\.uid) == [0, 0])
        sample.settings.devices.ownershipFromSecurityContext = true
        #expect(try sample.build().linux?.devices?.map(\.uid) == [0, 1000])
        #expect(try sample.build().linux?.devices?.map(\.gid) == [0, 2000])
        sample.config.linux.securityContext.clearRunAsGroup()
        #expect(try sample.build().linux?.devices?.last?.gid == 0)
        sample.config.linux.securityContext.runAsUser.value = 0
        #expect(try sample.build().linux?.devices?.last?.uid == 0)
    }

    @Test func userNamespacesBindWhatHasAnotherPath() throws {
        var sample = Sample()
        sample.namespaces.user = "/p/user"
        sample.devices.requested = [device("/dev/same", 1), device("/dev/other", 2, source: "/dev/source")]
        let spec = try sample.build()
        #expect(spec.linux?.devices?.map(\.path) == ["/dev/same"])
        #expect(spec.linux?.resources?.devices == [denied, rule(1), rule(2)])
        let mount = try #require(spec.mounts?.first { $0.destination == "/dev/other" })
        #expect(mount.source == "/dev/source" && mount.options == ["bind", "rprivate", "nosuid", "noexec"])
        sample.namespaces.user = nil
        #expect(try sample.build().linux?.devices?.map(\.path) == ["/dev/same", "/dev/other"])
    }
}

@Suite struct DeviceMappingTests {
    @Test(arguments: [
        ("/dev/a", "/dev/a", "rwm"), ("/dev/a:r", "/dev/a", "r"), ("/dev/a:/dev/b", "/dev/b", "rwm"), ("/dev/a:/dev/b:mw", "/dev/b", "mw"),
        ("/dev/a::r", "/dev/a", "r"), ("/dev/a:", "/dev/a", "rwm"), ("/dev/a:/dev//b/", "/dev/b", "rwm"),
    ])
    func texts(_ text: String, _ container: String, _ access: String) throws {
        let mapping = try DeviceMapping(text)
        #expect(mapping.hostPath == "/dev/a" && mapping.containerPath == container && mapping.access == access)
    }

    @Test(arguments: [
        "", ":", "dev/a", "/dev/a:b", "/dev/a:x", "/dev/a:rr", "/dev/a:/dev/b:", "/dev/a:/dev/b:rwx", "/dev/a:/dev/b:r:w", ":/dev/b",
        "/dev/a:/etc/b", "/dev/a:/dev/../etc/b", "/dev/a:/dev", "/opt/a",
    ])
    func whatIsNoDevice(_ text: String) { #expect(throws: SpecError.self) { try DeviceMapping(text) } }

    private func request(_ host: String, _ container: String, _ permissions: String) throws(SpecError) -> DeviceMapping {
        try DeviceMapping(
            Runtime_V1_Device.with { ($0.hostPath, $0.containerPath, $0.permissions) = (host, container, permissions) })
    }

    @Test func requests() throws {
        #expect(try request("/dev/a", "", "") == DeviceMapping("/dev/a"))
        #expect(try request("/dev/a", "/opt/b", "mrw").containerPath == "/opt/b")
        for (host, container, access) in [("", "/b", "r"), ("a", "/b", "r"), ("/a", "b", "r"), ("/a", "/b", "rx"), ("/a", "/b", "rr")] {
            #expect(throws: SpecError.self) { try request(host, container, access) }
        }
    }

    @Test func annotations() throws {
        let allowed = ["/dev/fuse", "/dev/net/tun"]
        func devices(_ annotations: [String: String]) throws(SpecError) -> [String] {
            try DeviceAnnotation.devices(in: annotations, allowed: allowed).map(\.hostPath)
        }
        #expect(try devices([:]) == [])
        #expect(try devices(["io.kubernetes.cri-o.Devices": "/dev/fuse,/dev/net/tun:r,"]) == ["/dev/fuse", "/dev/net/tun"])
        #expect(try devices(["io.kubernetes.cri-o.Devices": "/dev/sda", "devices.crio.io": "/dev/fuse"]) == ["/dev/fuse"])
        for refused in ["/dev/sda", "/dev//fuse", "fuse", "/dev/fuse:x", "/dev/fuse,/dev/sda"] {
            #expect(throws: SpecError.self) { try devices(["devices.crio.io": refused]) }
        }
        #expect(DeviceAnnotation.isAllowed(by: ["io.kubernetes.cri-o.Devices"]) && DeviceAnnotation.isAllowed(by: ["devices.crio.io"]))
        #expect(!DeviceAnnotation.isAllowed(by: []) && !DeviceAnnotation.isAllowed(by: ["io.kubernetes.cri-o.userns-mode"]))
    }
}

@Suite struct HostDevicesTests {
    @Test func devicesAndDirectories() throws {
        let null = try HostDevices.find(DeviceMapping("/dev/null:/dev/x:r"))
        #expect(null.map(\.device.path) == ["/dev/x"] && null.first?.source == "/dev/null" && null.first?.access == "r")
        #expect(null.first?.device.major == 1 && null.first?.device.minor == 3 && null.first?.device.type == "c")
        #expect(throws: SpecError.self) { try HostDevices.find(DeviceMapping("/dev/no-such-device")) }
        #expect(throws: SpecError.self) { try HostDevices.find(DeviceMapping("/etc/passwd:/dev/x")) }
        #expect(throws: SpecError.self) { try HostDevices.find(DeviceMapping("/etc/ssl:/dev/x")) }
    }

    /// What /dev/stdin leads to is the daemon's business.
    @Test func linksAreNoDevicesOfTheHost() {
        let all = Set(HostDevices.all().map(\.path))
        #expect(all.contains("/dev/null") && all.isDisjoint(with: ["/dev/stdin", "/dev/stdout", "/dev/console", "/dev/fd"]))
    }
}

@Suite struct CDIInjectionTests {
    private func edits(_ change: (inout ContainerEdits) -> Void) -> ContainerEdits {
        var edits = ContainerEdits()
        change(&edits)
        return edits
    }

    private func node(_ change: (inout DeviceNode) -> Void) -> DeviceNode {
        var node = DeviceNode(path: "/dev/v")
        change(&node)
        return node
    }

    private let host = DeviceFile(type: .character, major: 10, minor: 5, mode: 0o640, uid: 3, gid: 4)

    @Test func variablesTakeThePlaceOfOthers() throws {
        var sample = Sample()
        sample.settings.defaultEnvironment = ["AB=0", "A=1"]
        sample.devices.edits = edits { $0.environment = ["A=2", "C=3", "C=4"] }
        #expect(try sample.build().process?.env?.suffix(4) == ["AB=0", "A=2", "HOME=/", "C=4"])
    }

    @Test func mountsLieBelowThoseAboveThem() throws {
        var sample = Sample()
        let deep = Runtime_V1_Mount.with { ($0.containerPath, $0.hostPath) = ("/opt/v/deep", "/host") }
        sample.mounts = [ResolvedMount(mount: deep, source: "/host")]
        sample.devices.edits = edits {
            $0.mounts = [
                mount("/opt/v/"), mount("/opt"), mount("/etc/hostname"), mount("/opt/vv", type: "none", options: ["ro", "bind"]),
            ]
        }
        let mounts = try #require(try sample.build().mounts)
        #expect(mounts.suffix(5).map(\.destination) == ["/opt", "/opt/v", "/opt/v/deep", "/etc/hostname", "/opt/vv"])
        #expect(mounts.filter { $0.destination == "/etc/hostname" }.map(\.source) == ["/v"])
        var last = Spec.Mount(destination: "/opt/vv", type: "none", source: "/v")
        last.options = ["ro", "bind"]
        #expect(mounts.last == last)
    }

    private func mount(_ path: String, type: String? = nil, options: [String] = []) -> ContainerEdits.Mount {
        .init(hostPath: "/v", containerPath: path, type: type, options: options)
    }

    @Test func hooksComeAfterTheConfigurations() throws {
        var sample = Sample()
        let text = #"{"version":"1.0.0","hook":{"path":"/first"},"when":{"always":true},"stages":["poststop"]}"#
        sample.hooks = HookSet([["first.json": try HookDefinition(json: Array(text.utf8))]])
        sample.devices.edits = edits { edits in
            edits.hooks = ContainerEdits.Hook.Stage.allCases.map {
                .init(stage: $0, path: "/\($0)", arguments: ["a"], environment: ["B=c"], timeout: 2)
            }
        }
        let hooks = try #require(try sample.build().hooks)
        func hook(_ path: String) -> Spec.Hook { .init(path: path, args: ["a"], env: ["B=c"], timeout: 2) }
        #expect(hooks.prestart == [hook("/prestart")] && hooks.createRuntime == [hook("/createRuntime")])
        #expect(hooks.createContainer == [hook("/createContainer")] && hooks.startContainer == [hook("/startContainer")])
        #expect(hooks.poststart == [hook("/poststart")] && hooks.poststop == [.init(path: "/first"), hook("/poststop")])
    }

    @Test func resourceDirectorAndGroups() throws {
        var sample = Sample()
        sample.devices.edits = edits { $0.intelRdt = .init(closID: "c", l3CacheSchema: "L3:0=f", memBwSchema: "MB:0=20") }
        let rdt = try #require(try sample.build().linux?.intelRdt)
        #expect(rdt.closID == "c" && rdt.l3CacheSchema == "L3:0=f" && rdt.memBwSchema == "MB:0=20")
        #expect(ResolvedUser(groups: [9, 3]).joining([5, 9]).groups == [3, 5, 9])
    }

    @Test func nodesAreTheHostsOrTheFiles() throws {
        var sample = Sample()
        sample.user = ResolvedUser(uid: 1000, gid: 2000)
        let nodes = [
            node { ($0.path, $0.hostPath, $0.permissions) = ("/dev/a", "/dev/host", "r") },
            node { ($0.path, $0.type, $0.major, $0.minor, $0.uid, $0.gid) = ("/dev/b", "b", 7, 9, 0, 6) },
            node { ($0.path, $0.type) = ("/dev/pipe", "p") }, node { ($0.path, $0.type, $0.major) = ("/dev/u", "u", 4) },
        ]
        try sample.devices.inject(edits { $0.deviceNodes = nodes }) { $0 == "/dev/host" ? host : nil }
        let linux = try #require(try sample.build().linux)
        #expect(
            linux.devices == [
                .init(path: "/dev/a", type: "c", major: 10, minor: 5, fileMode: 0o640, uid: 1000, gid: 2000),
                .init(path: "/dev/b", type: "b", major: 7, minor: 9, uid: 0, gid: 6), .init(path: "/dev/pipe", type: "p", uid: 1000, gid: 2000),
                .init(path: "/dev/u", type: "u", major: 4, minor: 0, uid: 1000, gid: 2000),
            ])
        #expect(
            linux.resources?.devices?.dropFirst() == [
                .init(allow: true, type: "c", major: 10, minor: 5, access: "r"), .init(allow: true, type: "b", major: 7, minor: 9, access: "rwm"),
                .init(allow: true, type: "c", major: 4, minor: 0, access: "rwm"),
            ])
        #expect(throws: CDIError.self) { try sample.devices.inject(edits { $0.deviceNodes = [node { _ in }] }) { _ in nil } }
    }

    @Test func namesComeFromTheFieldAndFromAnnotations() throws {
        var config = Runtime_V1_ContainerConfig()
        #expect(try CDIRequest.names(config).isEmpty)
        config.cdiDevices = [.with { $0.name = "v/c=1" }]
        config.annotations = ["cdi.k8s.io/b": "v/c=3", "cdi.k8s.io/a": "v/c=2,v/c=1", "other": "nonsense"]
        #expect(try CDIRequest.names(config).map(\.description) == ["v/c=1", "v/c=2", "v/c=1", "v/c=3"])
        for value in ["", "v/c", "v/c=1, v/c=2", "v/c=1,"] {
            config.annotations = ["cdi.k8s.io/a": value]
            #expect(throws: CDIError.self) { try CDIRequest.names(config) }
        }
    }
}
