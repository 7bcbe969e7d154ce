import CRI
import CLinux
import Glibc
import Linux
import Testing

@testable import OCIRuntime

/// On recorded texts: the tests run where SELinux is not.
@Suite struct SELinuxTests {
    /// The file of container-selinux 2.229.
    private let contexts = """
        process = "system_u:system_r:container_t:s0"
        content = "system_u:object_r:virt_var_lib_t:s0"
        file = "system_u:object_r:container_file_t:s0"
        ro_file="system_u:object_r:container_ro_file_t:s0"
        sandbox_kvm_process = "system_u:system_r:svirt_qemu_net_t:s0"
        # process = "x:y:z:s0"
        ; file = "x:y:z:s0"
        broken
        """
    private var policy: SELinuxPolicy { SELinuxPolicy(lxcContexts: contexts) }

    private func pod(_ change: (inout Runtime_V1_SELinuxOption) -> Void = { _ in }) throws(SpecError) -> SELinuxLabels {
        var options = Runtime_V1_SELinuxOption()
        change(&options)
        return try policy.labels(pod: options, level: "s0:c1,c2")
    }

    private func container(
        _ policy: SELinuxPolicy? = nil, in pod: SELinuxLabels, _ change: (inout Runtime_V1_LinuxContainerSecurityContext) -> Void = { _ in }
    ) throws -> ContainerLabels {
        var context = Runtime_V1_LinuxContainerSecurityContext()
        change(&context)
        return try pod.container(context, policy: policy ?? self.policy)
    }

    @Test func contextsAreReadAndWritten() {
        let context = SELinuxContext("u:r:t:s0-s0:c0.c1023")
        #expect(context == .init(user: "u", role: "r", type: "t", level: "s0-s0:c0.c1023") && context?.description == "u:r:t:s0-s0:c0.c1023")
        #expect(SELinuxContext("u:r:t")?.level == nil && SELinuxContext("u:r:t")?.description == "u:r:t")
        for bad in ["", "u", "u:r", "u::t", ":r:t", "u:r:t:", "u:r:t t:s0"] { #expect(SELinuxContext(bad) == nil, "\(bad)") }
    }

    @Test func theHostsPolicy() throws {
        #expect(policy.process.description == "system_u:system_r:container_t:s0" && policy.file.type == "container_file_t")
        #expect(SELinuxPolicy(lxcContexts: "process = \"a:b:c\"\nfile = garbage").process == .init(user: "a", role: "b", type: "c", level: nil))
        #expect(SELinuxPolicy(lxcContexts: "").file.description == "system_u:object_r:container_file_t:s0")
        #expect(SELinuxPolicy.name(configuration: "# SELINUXTYPE=no\nSELINUX=enforcing\nSELINUXTYPE = mls \n") == "mls")
        #expect(SELinuxPolicy.name(configuration: "SELINUX=permissive\n") == nil && SELinuxPolicy.name(configuration: "SELINUXTYPE=../x") == nil)
        let root = "/tmp/swiftlet-selinux-\(UInt64.random(in: 0...UInt64.max))"
        defer { try? Files.removeTree(root) }
        try Files.makeDirectories("\(root)/etc/selinux/mls/contexts")
        try Files.writeAtomically(Array("SELINUXTYPE=mls\n".utf8), to: "\(root)/etc/selinux/config")
        try Files.writeAtomically(Array("process = \"a:b:lxc_t:s0\"".utf8), to: "\(root)/etc/selinux/mls/contexts/lxc_contexts")
        #expect(SELinuxPolicy.probe(disabledOnHostNetwork: false, root: root).process.type == "lxc_t")
        try Files.makeDirectories("\(root)/usr/share/containers/selinux")
        try Files.writeAtomically(Array(contexts.utf8), to: "\(root)/usr/share/containers/selinux/contexts")
        #expect(SELinuxPolicy.probe(disabledOnHostNetwork: false, root: root).process.type == "container_t")
    }

    @Test func aPodsContainersShareALevel() throws {
        let pod = try pod()
        let (one, other) = (try container(in: pod), try container(in: pod))
        #expect(one == other && one.process == "system_u:system_r:container_t:s0:c1,c2")
        #expect(one.file == "system_u:object_r:container_file_t:s0:c1,c2" && one.relabels)
    }

    @Test func optionsOfThePodAndOfTheContainer() throws {
        let pod = try pod {
            $0.user = "pod_u"
            $0.level = "s0:c7,c8"
        }
        #expect(try container(in: pod).process == "pod_u:system_r:container_t:s0:c7,c8")
        #expect(try container(in: pod).file == "pod_u:object_r:container_file_t:s0:c7,c8")
        let own = try container(in: pod) {
            $0.selinuxOptions.type = "my_t"
            $0.selinuxOptions.role = "my_r"
            $0.selinuxOptions.level = "s0:c9,c10"
        }
        #expect(own.process == "pod_u:my_r:my_t:s0:c9,c10" && own.file == "pod_u:object_r:container_file_t:s0:c9,c10")
        for bad in ["a b", "a:b", "a\nb", "a\"b"] { #expect(throws: SpecError.self, "\(bad)") { try self.pod { $0.type = bad } } }
        #expect(throws: SpecError.self) { try container(in: pod) { $0.selinuxOptions.level = "s0\0" } }
    }

    @Test func aPolicyWithoutLevelsGetsNone() throws {
        let plain = SELinuxPolicy(lxcContexts: "process = \"a:b:c\"\nfile = \"a:b:f\"")
        #expect(try container(plain, in: plain.labels(pod: .init(), level: "s0:c1,c2")).process == "a:b:c")
    }

    @Test func whoIsNotLabelled() throws {
        let pod = try pod()
        let privileged = try container(in: pod) { $0.privileged = true }
        #expect(privileged.process == nil && privileged.file?.hasSuffix("s0:c1,c2") == true)
        for (pid, ipc) in [(Runtime_V1_NamespaceMode.node, Runtime_V1_NamespaceMode.pod), (.container, .node)] {
            let shared = try container(in: pod) {
                $0.namespaceOptions.pid = pid
                $0.namespaceOptions.ipc = ipc
            }
            #expect(shared.process == nil && shared.file == nil)
        }
        let onHost = try container(in: pod) { $0.namespaceOptions.network = .node }
        #expect(onHost.process == nil && onHost.file != nil)
        let labelled = try container(SELinuxPolicy(lxcContexts: contexts, disabledOnHostNetwork: false), in: pod) {
            $0.namespaceOptions.network = .node
        }
        #expect(labelled.process != nil)
    }

    @Test func theUnconfinedDoNotRelabel() throws {
        #expect(try !container(in: pod()) { $0.selinuxOptions.type = "spc_t" }.relabels)
        let free = try pod { $0.type = "spc_t" }
        #expect(try !container(in: free).relabels)
        #expect(try container(in: free) { $0.selinuxOptions.type = "container_t" }.relabels)
    }

    @Test func levelsAreUnique() throws {
        var generator = SystemRandomNumberGenerator()
        var taken: Set<String> = []
        for _ in 0..<2000 {
            let level = try SELinuxLevel.unique(except: taken, using: &generator)
            let categories = level.dropFirst("s0:c".count).split(separator: ",").compactMap { Int($0.filter(\.isNumber)) }
            #expect(categories.count == 2 && categories[0] < categories[1] && categories[1] < 1024)
            #expect(taken.insert(level).inserted)
        }
        // The generator that knows only one pair runs out.
        var stuck = Alternating()
        let only = try SELinuxLevel.unique(except: [], using: &stuck)
        #expect(throws: SpecError.self) { try SELinuxLevel.unique(except: [only], using: &stuck) }
    }

    private struct Alternating: RandomNumberGenerator {
        private var high = false
        mutating func next() -> UInt64 {
            high.toggle()
            return high ? .max : 0
        }
    }

    @Test func labelsReachTheSpecification() throws {
        var sample = Sample()
        sample.labels = try container(in: pod())
        let spec = try sample.build()
        #expect(spec.process?.selinuxLabel == "system_u:system_r:container_t:s0:c1,c2")
        #expect(spec.linux?.mountLabel == "system_u:object_r:container_file_t:s0:c1,c2")
        sample.labels = .init()
        #expect(try sample.build().process?.selinuxLabel == nil && sample.build().linux?.mountLabel == nil)
    }

    @Test(arguments: ["/", "/etc", "/etc/", "/usr", "/home", "/var/../etc", "/var/lib", "//proc/", "/root/."])
    func directoriesOfTheSystemAreNotRelabelled(_ path: String) {
        #expect(throws: SpecError.self) { try Relabeling.check(path) }
    }

    /// Without SELinux the kernel keeps the attribute as it is, which is enough to see who gets it.
    @Test(.enabled(if: geteuid() == 0, "attributes of security need root"))
    func relabellingReachesAllAndFollowsNoLink() throws {
        let root = "/var/tmp/swiftlet-relabel-\(UInt64.random(in: 0...UInt64.max))"
        defer { try? Files.removeTree(root) }
        try Files.makeDirectories("\(root)/volume/a/b")
        try Files.makeDirectories("\(root)/outside")
        for file in ["volume/file", "volume/a/b/file", "outside/file"] { try Files.writeAtomically([], to: "\(root)/\(file)") }
        #expect(symlink("\(root)/outside", "\(root)/volume/a/link") == 0)
        func label(_ path: String) -> String? {
            var buffer = [UInt8](repeating: 0, count: 100)
            let count = lgetxattr("\(root)/\(path)", "security.selinux", &buffer, buffer.count)
            return count > 0 ? String(decoding: buffer[..<count].prefix { $0 != 0 }, as: UTF8.self) : nil
        }
        try Relabeling(label: "u:r:t:s0").run("\(root)/volume")
        for path in ["volume", "volume/file", "volume/a", "volume/a/b", "volume/a/b/file", "volume/a/link"] { #expect(label(path) == "u:r:t:s0", "\(path)") }
        #expect(label("outside") == nil && label("outside/file") == nil)
        // Its top right, a volume is trusted where that is asked for.
        try Files.writeAtomically([], to: "\(root)/volume/new")
        try Relabeling(label: "u:r:t:s0", trustsTop: true).run("\(root)/volume")
        #expect(label("volume/new") == nil)
        try Relabeling(label: "u:r:t:s0").run("\(root)/volume")
        #expect(label("volume/new") == "u:r:t:s0")
    }
}
