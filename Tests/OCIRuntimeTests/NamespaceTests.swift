import CRI
import Linux
import OCI
import Testing

@testable import OCIRuntime

@Suite struct NamespaceTests {
    @Test func namespacesAreJoined() throws {
        var sample = Sample()
        #expect(
            try sample.build().linux?.namespaces == [
                .init(type: "mount"), .init(type: "pid"), .init(type: "network", path: "/p/net"), .init(type: "ipc", path: "/p/ipc"),
                .init(type: "uts", path: "/p/uts"),
            ])
        sample.namespaces = PinnedNamespaces()
        sample.pid = .node
        sample.host.cgroupV2 = true
        #expect(try sample.build().linux?.namespaces == [.init(type: "mount"), .init(type: "cgroup")])
        sample.pid = .shared(path: "/proc/5/ns/pid")
        #expect(try sample.build().linux?.namespaces?.contains(.init(type: "pid", path: "/proc/5/ns/pid")) == true)
    }

    @Test func userNamespacesAreMapped() throws {
        var sample = Sample()
        sample.namespaces.user = "/p/user"
        sample.namespaces.uidMappings = [IDMap(containerID: 0, hostID: 1000, length: 10)]
        sample.namespaces.gidMappings = [IDMap(containerID: 0, hostID: 2000, length: 10)]
        let linux = try #require(try sample.build().linux)
        #expect(linux.uidMappings == [.init(containerID: 0, hostID: 1000, size: 10)])
        #expect(linux.gidMappings == [.init(containerID: 0, hostID: 2000, size: 10)])
        #expect(linux.namespaces?.last == .init(type: "user", path: "/p/user"))
    }
}
