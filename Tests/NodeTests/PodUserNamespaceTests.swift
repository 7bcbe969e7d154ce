import CRI
import Foundation
import Glibc
import Linux
import OCIRuntime
import Testing

@testable import Node

@Suite struct PodUserNamespaceTests {
    private let pod = PodUserNamespace(
        uids: IDMap(containerID: 0, hostID: 65536, length: 65536), gids: IDMap(containerID: 0, hostID: 131072, length: 1000))

    @Test func whatIsNotSaidIsTheHosts() throws {
        #expect(try PodUserNamespace.requested(by: .init()) == nil)
        #expect(try PodUserNamespace.requested(by: options(.node)) == nil)
    }

    @Test func modePodTakesAMappingEach() throws {
        #expect(try PodUserNamespace.requested(by: options(.pod, [(0, 65536, 65536)], [(0, 131072, 1000)])) == pod)
        // Up to the kernel's last id, and one beyond it.
        let last = (UInt32(0), UInt32.max - 10, UInt32(10))
        #expect(try PodUserNamespace.requested(by: options(.pod, [last], [last]))?.uids.length == 10)
        #expect(try PodUserNamespace.requested(by: options(.pod, [(0, 1, .max - 1)], [(0, 1, .max - 1)]))?.uids.length == .max - 1)
    }

    struct Refused: Sendable, CustomTestStringConvertible {
        var mode = Runtime_V1_NamespaceMode.pod
        var uids: [(UInt32, UInt32, UInt32)] = [(0, 1000, 10)]
        var gids: [(UInt32, UInt32, UInt32)] = [(0, 1000, 10)]
        let message: String
        var testDescription: String { message }
    }

    @Test(arguments: [
        Refused(uids: [], message: "exactly one mapping in uids, and there are 0"),
        Refused(gids: [], message: "exactly one mapping in gids, and there are 0"),
        Refused(uids: [], gids: [], message: "exactly one mapping in uids, and there are 0"),
        Refused(uids: [(0, 1000, 10), (10, 2000, 10)], message: "exactly one mapping in uids, and there are 2"),
        Refused(gids: [(0, 1000, 10), (10, 2000, 10)], message: "exactly one mapping in gids, and there are 2"),
        Refused(uids: [(0, 1000, 0)], message: "the mapping in uids has length 0"),
        Refused(gids: [(0, 1000, 0)], message: "the mapping in gids has length 0"),
        Refused(uids: [(1, 1000, 10)], message: "in uids begins at the container's id 1: 0 must be mapped"),
        Refused(gids: [(.max, 1000, 10)], message: "in gids begins at the container's id 4294967295: 0 must be mapped"),
        Refused(uids: [(0, 0, 10)], message: "the mapping in uids gives the pod's 0 the host's 0"),
        Refused(gids: [(0, 0, 10)], message: "the mapping in gids gives the pod's 0 the host's 0"),
        Refused(uids: [(0, .max - 9, 10)], message: "10 ids from 4294967286 on in uids go beyond the kernel's last, 4294967294"),
        Refused(gids: [(0, .max, 1)], message: "1 ids from 4294967295 on in gids go beyond the kernel's last, 4294967294"),
        Refused(gids: [(0, 1, .max)], message: "4294967295 ids from 1 on in gids go beyond the kernel's last, 4294967294"),
        Refused(mode: .node, message: "mode NODE is the host's user namespace, which takes no mappings"),
        Refused(mode: .node, uids: [], message: "mode NODE is the host's user namespace, which takes no mappings"),
        Refused(mode: .node, gids: [], message: "mode NODE is the host's user namespace, which takes no mappings"),
        Refused(mode: .container, message: "there is no mode CONTAINER: use POD or NODE"),
        Refused(mode: .container, uids: [], gids: [], message: "there is no mode CONTAINER: use POD or NODE"),
        Refused(mode: .target, uids: [], gids: [], message: "there is no mode TARGET: use POD or NODE"),
        Refused(mode: .UNRECOGNIZED(7), message: "the mode 7 is not known: use POD or NODE"),
    ])
    func whatIsNoUserNamespaceIsRefused(_ refused: Refused) {
        let options = options(refused.mode, refused.uids, refused.gids)
        #expect(message { try PodUserNamespace.requested(by: options) }.contains(refused.message))
    }

    @Test func hostIDsHaveAFloor() throws {
        let options = options(.pod, [(0, 1000, 10)], [(0, 2000, 10)])
        #expect(try PodUserNamespace.requested(by: options, floor: .init(uid: 1000, gid: 2000)) != nil)
        #expect(
            message { try PodUserNamespace.requested(by: options, floor: .init(uid: 1001)) }
                .contains("in uids begins at the host's id 1000, and minimum_mappable_uid is 1001"))
        #expect(
            message { try PodUserNamespace.requested(by: options, floor: .init(gid: 2001)) }
                .contains("in gids begins at the host's id 2000, and minimum_mappable_gid is 2001"))
    }

    @Test func containersSayWhatTheirPodSaid() throws {
        let same = options(.pod, [(0, 65536, 65536)], [(0, 131072, 1000)])
        try PodUserNamespace.check(container: same, with: pod)
        try PodUserNamespace.check(container: .init(), with: pod)
        try PodUserNamespace.check(container: .init(), with: nil)
        try PodUserNamespace.check(container: options(.node), with: nil)
        let other = options(.pod, [(0, 65537, 65536)], [(0, 131072, 1000)])
        #expect(
            message { try PodUserNamespace.check(container: other, with: pod) }
                == "the container's userns_options are uids 0:65537:65536, gids 0:131072:1000, its pod's uids 0:65536:65536, gids 0:131072:1000: send the pod's, or none"
        )
        #expect(message { try PodUserNamespace.check(container: options(.node), with: pod) }.contains("are the host's, its pod's uids 0:"))
        #expect(message { try PodUserNamespace.check(container: same, with: nil) }.contains("its pod's the host's"))
        #expect(message { try PodUserNamespace.check(container: options(.target), with: pod) }.contains("no mode TARGET"))
    }

    @Test func processesHaveMappedIDs() throws {
        try pod.check(uid: 65535, groups: [0, 999])
        #expect(message { try pod.check(uid: 65536, groups: []) }.contains("the user 65536, and its pod's user namespace has those from 0 to 65535"))
        #expect(message { try pod.check(uid: 0, groups: [5, 1000]) }.contains("the group 1000, and its pod's user namespace has those from 0 to 999"))
    }

    @Test func mountsAreShiftedAsThePodIs() throws {
        var mount = Runtime_V1_Mount.with { $0.containerPath = "/data" }
        #expect(try !PodUserNamespace.shifts(mount, with: nil))
        #expect(try !PodUserNamespace.shifts(mount, with: pod))
        (mount.uidMappings, mount.gidMappings) = (mappings([(0, 65536, 65536)]), mappings([(0, 131072, 1000)]))
        #expect(try PodUserNamespace.shifts(mount, with: pod))
        #expect(message { try PodUserNamespace.shifts(mount, with: nil) }.contains("/data has id mappings, and its pod the host's"))
        mount.gidMappings = []
        #expect(message { try PodUserNamespace.shifts(mount, with: pod) }.contains("/data has other id mappings than its pod"))
        mount.gidMappings = mappings([(0, 131072, 1001)])
        #expect(message { try PodUserNamespace.shifts(mount, with: pod) }.contains("/data has other id mappings than its pod"))
        mount.propagation = .propagationBidirectional
        #expect(message { try PodUserNamespace.shifts(mount, with: pod) }.contains("/data has bidirectional propagation"))
        (mount.uidMappings, mount.gidMappings) = ([], [])
        #expect(try !PodUserNamespace.shifts(mount, with: nil))
        #expect(message { try PodUserNamespace.shifts(mount, with: pod) }.contains("/data has bidirectional propagation"))
    }

    @Test func pingGroupsAreThoseThatAreMapped() {
        func adjusted(_ value: String) -> String? {
            pod.adjusted(sysctls: ["net.ipv4.ping_group_range": value, "a": "b"])["net.ipv4.ping_group_range"]
        }
        #expect(adjusted("0 2147483647") == "0 999" && adjusted("0\t1000") == "0 999")
        for kept in ["0 999", "1 0", "5 2147483647", "", "0", "x y"] { #expect(adjusted(kept) == kept) }
        #expect(pod.adjusted(sysctls: ["net/ipv4/ping_group_range": "0 5000"]) == ["net/ipv4/ping_group_range": "0 999"])
        #expect(pod.adjusted(sysctls: [:]) == [:])
    }

    private func options(
        _ mode: Runtime_V1_NamespaceMode, _ uids: [(UInt32, UInt32, UInt32)] = [], _ gids: [(UInt32, UInt32, UInt32)] = []
    ) -> Runtime_V1_NamespaceOption {
        .with {
            $0.usernsOptions.mode = mode
            $0.usernsOptions.uids = mappings(uids)
            $0.usernsOptions.gids = mappings(gids)
        }
    }

    private func mappings(_ ranges: [(UInt32, UInt32, UInt32)]) -> [Runtime_V1_IDMapping] {
        ranges.map { range in .with { ($0.containerID, $0.hostID, $0.length) = range } }
    }

    /// The message of the refusal; empty where there is none.
    private func message(_ body: () throws -> some Any) -> String {
        do {
            _ = try body()
            return ""
        } catch NodeError.invalidArgument(let text) { return text } catch { return "another error: \(error)" }
    }
}

@Suite struct UserNamespaceHostTests {
    @Test func supportIsTheHostsAndTheRuntimes() throws {
        func features(_ linux: String) throws -> RuntimeFeatures {
            try JSONDecoder().decode(RuntimeFeatures.self, from: Data("{\"linux\":\(linux)}".utf8))
        }
        let known = [
            "old": try features(#"{"namespaces":["mount","user"]}"#), "none": try features(#"{"namespaces":["mount"]}"#),
            "new": try features(#"{"namespaces":["user"],"mountExtensions":{"idmap":{"enabled":true}}}"#),
        ]
        let able = UserNamespaceSupport(hostRefusal: nil, features: known)
        #expect(able.refusal(handler: "old") == nil && able.refusal(handler: "new") == nil && able.refusal(handler: "silent") == nil)
        #expect(able.refusal(handler: "none")?.contains("'none' has no user namespaces") == true)
        #expect(able.runtimeShiftsMounts(handler: "new"))
        #expect(!able.runtimeShiftsMounts(handler: "old") && !able.runtimeShiftsMounts(handler: "silent"))
        #expect(UserNamespaceSupport(hostRefusal: "why", features: known).refusal(handler: "new") == "why")
    }

    @Test func closedDirectoriesAreFound() throws {
        let base = "/tmp/swiftlet-probe-\(UInt32.random(in: 0...(.max)))"
        defer { try? Files.removeTree(base) }
        try Files.makeDirectories("\(base)/a/b", mode: 0o755)
        #expect(UserNamespaceProbe.closedDirectory(above: "\(base)/a/b") == nil)
        #expect(UserNamespaceProbe.closedDirectory(above: "\(base)/absent/b") == nil)
        chmod("\(base)/a", 0o750)
        #expect(UserNamespaceProbe.closedDirectory(above: "\(base)/a/b") == "\(base)/a")
    }

    @Test func aPathStandsForItsMounts() {
        let table = [
            "1 0 8:1 / / rw - ext4 /dev/a rw", "2 1 8:2 / /data rw - xfs /dev/b rw", "3 2 8:3 / /data/in/deep rw - nfs server rw",
            "4 1 8:4 / /database rw - tmpfs none rw",
        ]
        .compactMap { MountEntry(line: $0) }
        func described(_ path: String) -> [String] { ShiftedVolumes.mounts(of: path, in: table).map { "\($0.path) \($0.type)" } }
        #expect(described("/data") == ["/data xfs", "/data/in/deep nfs"])
        #expect(described("/data/in") == ["/data/in xfs", "/data/in/deep nfs"])
        #expect(described("/database") == ["/database tmpfs"])
        #expect(described("/etc") == ["/etc ext4"])
        #expect(described("/") == ["/ ext4", "/data xfs", "/data/in/deep nfs", "/database tmpfs"])
    }
}
