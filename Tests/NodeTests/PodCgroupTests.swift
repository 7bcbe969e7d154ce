import CRI
import Cgroups
import Glibc
import Linux
import Testing

@testable import Node

@Suite struct PodCgroupTests {
    @Test(arguments: [nil: 10, "30": 30, "0": 1, "-5": 10, "soon": 10, "": 10, "18446744073709551615": 604_800] as [String?: UInt64])
    func howLongAContainersScopeMayTakeToStop(_ annotation: String?, _ seconds: UInt64) {
        var annotations = ["other": "5"]
        annotations["io.kubernetes.pod.terminationGracePeriod"] = annotation
        #expect(ScopeTimes.stop(annotations: annotations) == seconds)
    }

    @Test func aPodsCgroupsAreOfTheDriverThatItsParentIsOf() {
        let cgroups = PodCgroups(layout: CgroupLayout(version: .v2), driver: .systemd, owner: "/root")
        #expect(cgroups.containerPath(parent: "/pods/p", containerID: "c") == "/pods/p/swiftlet-c")
        #expect(cgroups.directories(of: "a-b.slice:swiftlet:c") == ["/sys/fs/cgroup/a.slice/a-b.slice/swiftlet-c.scope"])
        #expect(cgroups.directories(of: "/pods/p/swiftlet-c") == ["/sys/fs/cgroup/pods/p/swiftlet-c"])
        #expect(cgroups.initScope(ofPod: "p", parent: "a.slice") == "swiftlet-p.scope" && cgroups.initScope(ofPod: "p", parent: "/a") == nil)
        #expect(cgroups.isParent("/pods", of: "/pods/p") && cgroups.isParent("a.slice", of: "a-b.slice"))
        #expect(!cgroups.isParent("/pods", of: "/pods2/p") && !cgroups.isParent("a-b.slice", of: "a.slice"))
    }

    @Test func parentsThatAreNotThereAreMadeAndRemoved() async throws {
        let root = "/tmp/swiftlet-pod-cgroups.\(getpid())"
        try Files.makeDirectories("\(root)/kubepods/other")
        defer { try? Files.removeTree(root) }
        let cgroups = PodCgroups(layout: CgroupLayout(version: .v2, unified: root), driver: .cgroupfs, owner: "/root")
        #expect(cgroups.absent("/kubepods/a/b") == ["/kubepods/a/b", "/kubepods/a"])
        try await cgroups.makeParent("/kubepods/a/b")
        #expect(try cgroups.prepareInit(ofPod: "p", parent: "/kubepods/a/b") == ["\(root)/kubepods/a/b/swiftlet-p/cgroup.procs"])
        #expect(cgroups.absent("/kubepods/a/b").isEmpty)
        cgroups.removeInit(ofPod: "p", parent: "/kubepods/a/b")
        #expect(!Files.exists("\(root)/kubepods/a/b/swiftlet-p"))
        for parent in ["/kubepods/a/b", "/kubepods/a"] { try await cgroups.removeParent(parent, isPods: parent.hasSuffix("b")) }
        #expect(!Files.exists("\(root)/kubepods/a"))
        // Of what others made nothing goes, empty as it is.
        try await cgroups.removeParent("/kubepods", isPods: false)
        #expect(Files.exists("\(root)/kubepods/other"))
    }

    @Test func recordsOfOldRemoveWhatTheyRemoved() {
        var pod = PodRecord(
            id: "p", config: .init(), runtimeHandler: "runc", requestedHandler: "", createdAt: 1, phase: .ready, namespaces: .init(),
            hasNetwork: false, hostname: "h", cgroupParent: "/p", ownsCgroup: true)
        #expect(pod.parentsToRemove == ["/p"])
        pod.cgroupParent = "system.slice"
        #expect(pod.parentsToRemove.isEmpty)
        pod.ownedParents = ["a.slice"]
        #expect(pod.parentsToRemove == ["a.slice"])
    }
}
