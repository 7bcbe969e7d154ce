import CRI
import Foundation
import Images
import Linux
import OCI
import Testing

@testable import Node

@Suite struct CheckpointDescriptionTests {
    private func description(_ change: (inout ContainerRecord) -> Void = { _ in }) -> CheckpointDescription {
        var container = ContainerRecord(
            id: "c1", podID: "p1",
            config: .with {
                $0.metadata.name = "app"
                $0.metadata.attempt = 2
                $0.image.image = "sha256:1"
                $0.image.userSpecifiedImage = "app:1"
                $0.annotations = ["a/b": "c"]
            }, imageID: "sha256:1", imageReference: "r/app@sha256:2", createdAt: 1_700_000_000_000_000_005, startedAt: 0, phase: .running,
            logPath: "/log", cgroupPath: "", stopSignal: 15, user: .init(), resources: .init(), imageVolumes: [], mounts: .init())
        change(&container)
        let pod = PodRecord(
            id: "p1", config: .with { $0.metadata.name = "pod" }, runtimeHandler: "runc", requestedHandler: "", createdAt: 1, phase: .ready,
            namespaces: .init(), network: .init(ips: ["10.0.0.1", "fd00::1"], network: "n"), hasNetwork: true, hostname: "h",
            cgroupParent: "/p", ownsCgroup: true)
        return CheckpointDescription(container: container, pod: pod, handler: "runc", imageName: "r/app:1", now: 1_700_000_001_500_000_000)
    }

    @Test func theContainersConfiguration() throws {
        let json = String(decoding: try JSONEncoder().encode(description().configuration), as: UTF8.self)
        for part in [
            #""id":"c1""#, #""name":"app""#, #""rootfsImage":"app:1""#, #""rootfsImageRef":"sha256:1""#, #""runtime":"runc""#,
            #""createdTime":"2023-11-14T22:13:20.000000005Z""#, #""checkpointedTime":"2023-11-14T22:13:21.500000000Z""#,
            #""restoredTime":"0001-01-01T00:00:00Z""#, #""restored":false"#,
        ] { #expect(json.contains(part)) }
        #expect(description { $0.restore = .init(source: "s", containerID: "x", checkpointedAt: "") }.configuration.restored)
    }

    @Test func theAnnotationsThatToolsRead() throws {
        let annotations = try description().annotations()
        #expect(annotations["io.container.manager"] == "cri-o")
        #expect(annotations["io.kubernetes.cri-o.Metadata"] == #"{"attempt":2,"name":"app"}"#)
        #expect(annotations["io.kubernetes.cri-o.Annotations"] == #"{"a/b":"c"}"#)
        #expect(annotations["io.kubernetes.cri-o.IP.1"] == "fd00::1")
        #expect(annotations["io.kubernetes.cri-o.LogPath"] == "/log")
    }

    @Test func mountsOfTheHost() {
        var bound = Spec.Mount(destination: "/data", type: "bind", source: "/tmp")
        bound.options = ["rbind"]
        let mounts = [
            Spec.Mount(destination: "/proc", type: "proc", source: "proc"), Spec.Mount(destination: "/dev/shm", type: "bind", source: "/tmp"),
            bound, Spec.Mount(destination: "/file", type: "bind", source: "/etc/passwd"),
            Spec.Mount(destination: "/gone", type: "bind", source: "/no/such/path"),
        ]
        let external = ExternalMounts.describe(mounts)
        #expect(external.map(\.destination) == ["/data", "/file"])
        #expect(external.map(\.fileType) == ["directory", "file"])
        #expect(external.last?.permissions == 0o644)
        #expect(Set(ExternalMounts.destinations(mounts)).isSuperset(of: ["/data", "/gone", "/proc", "/run"]))
    }

    @Test func aRecordOfAnEarlierVersion() throws {
        let record = description().container
        var json = try #require(try JSONSerialization.jsonObject(with: JSONEncoder().encode(record)) as? [String: Any])
        json["restore"] = nil
        let read = try JSONDecoder().decode(ContainerRecord.self, from: JSONSerialization.data(withJSONObject: json))
        #expect(read.restore == nil && !read.awaitsRestore)
    }
}

@Suite struct CheckpointTakerTests {
    /// Programs that stand for a runtime at a checkpoint, with the CRIU that it has started, and for another container's.
    @Test func thoseOfADaemonThatIsNoMoreAreEndedWithTheirGroup() async throws {
        let root = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        let files = CheckpointFiles(root: root)
        let mark = UUID().uuidString
        func taker(_ id: String) async throws -> ChildProcess {
            let script = "sleep 600 & wait"
            return try await Command(
                "/bin/sh", ["-c", script, "sh", "checkpoint", "--work-path", files.taken(id), id], environment: ["MARK": mark, "ID": id],
                newSession: true
            ).spawn()
        }
        let (one, two) = (try await taker("c1"), try await taker("c2"))
        func count(_ id: String) throws -> Int { try HostProcess.all().count { $0["MARK"] == mark && $0["ID"] == id } }
        while try count("c1") + count("c2") < 4 { try await Task.sleep(for: .milliseconds(10)) }
        try await files.endTakers("c1")
        #expect(try count("c1") == 0 && count("c2") == 2)
        try await files.endTakers("c2")
        #expect(try count("c2") == 0)
        for child in [one, two] { #expect(try await child.wait() == .signaled(SIGKILL)) }
    }
}
