import CRI
import Linux
import OCI
import Testing

@testable import OCIRuntime

/// A request that a test changes in the one thing that it is about.
struct Sample {
    var config = Runtime_V1_ContainerConfig.with { $0.command = ["run"] }
    var image = ImageConfiguration(architecture: "amd64", os: "linux")
    var host = SpecHost(cgroupV2: false, boundingSet: CapabilitySet.all)
    var settings = SpecSettings()
    var namespaces: PinnedNamespaces = {
        var pinned = PinnedNamespaces()
        (pinned.net, pinned.ipc, pinned.uts) = ("/p/net", "/p/ipc", "/p/uts")
        return pinned
    }()
    var pid = PIDNamespace.container
    var user = ResolvedUser()
    var mounts: [ResolvedMount] = []
    var seccomp: SeccompProfile?
    var devices = ContainerDevices()
    var labels = ContainerLabels()
    var annotations = AllowedAnnotations([:], allowed: [])
    var sandbox = Runtime_V1_PodSandboxConfig()
    var hooks = HookSet()
    var configuredMounts: [Spec.Mount] = []
    var leastMemory: Int64 = 0
    var blockIO: Spec.BlockIO?
    var closID: String?
    var recursiveReadOnly = true

    func build() throws(SpecError) -> Spec {
        var request = SpecRequest(
            containerID: "c", podID: "p", config: config, sandbox: sandbox, image: image, rootfs: "/rootfs", namespaces: namespaces,
            pidNamespace: pid, cgroupsPath: "/pods/c", user: user,
            files: PodFilePaths(resolver: "/p/resolv.conf", hostname: "/p/hostname", sharedMemory: "/p/shm"), hostname: "box",
            mounts: mounts, devices: devices, seccomp: seccomp, labels: labels, allowedAnnotations: annotations)
        request.configured = ConfiguredParts(
            hooks: hooks, mounts: configuredMounts, leastMemory: leastMemory, blockIO: blockIO, closID: closID)
        request.recursiveReadOnly = recursiveReadOnly
        return try SpecBuilder(host: host, settings: settings).build(request)
    }
}

@Suite struct CommandTests {
    @Test(arguments: [
        (["a"], ["b"], ["ie"], ["ic"], ["a", "b"]), ([], ["b"], ["ie"], ["ic"], ["ie", "b"]), (["a"], [], ["ie"], ["ic"], ["a"]),
        ([], [], ["ie"], ["ic"], ["ie", "ic"]), ([], [], [], ["ic"], ["ic"]),
    ])
    func kubernetesRules(_ command: [String], _ args: [String], _ entrypoint: [String], _ cmd: [String], _ expected: [String]) throws {
        var sample = Sample()
        sample.config.command = command
        sample.config.args = args
        sample.image.config = .init(entrypoint: entrypoint, cmd: cmd)
        #expect(try sample.build().process?.args == expected)
    }

    @Test func noCommandAtAllIsAnError() {
        var sample = Sample()
        sample.config.command = []
        #expect(throws: SpecError.self) { try sample.build() }
    }

    @Test func environmentInOrderOfPrecedence() throws {
        var sample = Sample()
        sample.settings.defaultEnvironment = ["A=default", "B=default"]
        sample.image.config = .init(env: ["B=image", "C=image", "PATH=/image"], workingDir: "/w")
        sample.config.envs = [
            .with {
                $0.key = "C"
                $0.value = .init("request=x".utf8)
            }
        ]
        sample.config.tty = true
        let process = try #require(try sample.build().process)
        #expect(process.env == ["PATH=/image", "TERM=xterm", "HOSTNAME=box", "A=default", "B=image", "C=request=x", "HOME=/"])
        #expect(process.cwd == "/w" && process.terminal == true)
    }
}

@Suite struct SecurityTests {
    @Test func capabilitiesAreAddedDroppedAndClamped() throws {
        var sample = Sample()
        sample.host.boundingSet = CapabilitySet.all.filter { $0 != "CAP_SYS_RESOURCE" }
        sample.config.linux.securityContext.capabilities.addCapabilities = ["net_admin", "CAP_SYS_RESOURCE"]
        sample.config.linux.securityContext.capabilities.dropCapabilities = ["CHOWN"]
        let capabilities = try #require(try sample.build().process?.capabilities)
        #expect(capabilities.bounding?.contains("CAP_NET_ADMIN") == true)
        #expect(capabilities.bounding?.contains("CAP_CHOWN") == false)
        #expect(capabilities.bounding?.contains("CAP_SYS_RESOURCE") == false)
        #expect(capabilities.effective == capabilities.bounding && capabilities.permitted == capabilities.bounding)
        #expect(capabilities.inheritable == [] && capabilities.ambient == [])
    }

    @Test func allMeansAll() throws {
        var sample = Sample()
        sample.config.linux.securityContext.capabilities.dropCapabilities = ["ALL"]
        sample.config.linux.securityContext.capabilities.addCapabilities = ["KILL"]
        #expect(try sample.build().process?.capabilities?.bounding == ["CAP_KILL"])
        sample.config.linux.securityContext.capabilities = .with { $0.addCapabilities = ["ALL"] }
        #expect(try sample.build().process?.capabilities?.bounding == CapabilitySet.all)
        sample.config.linux.securityContext.capabilities = .with { $0.addAmbientCapabilities = ["SYS_TIME"] }
        #expect(try sample.build().process?.capabilities?.ambient == ["CAP_SYS_TIME"])
        sample.config.linux.securityContext.capabilities = .with { $0.addCapabilities = ["FLY"] }
        #expect(throws: SpecError.invalid("'FLY' is no capability: see capabilities(7) for the names")) { try sample.build() }
    }

    @Test func privilegedLiftsTheConfinement() throws {
        var sample = Sample()
        sample.seccomp = .runtimeDefault
        sample.config.linux.securityContext.maskedPaths = ["/proc/kcore"]
        sample.config.linux.securityContext.readonlyPaths = ["/proc/sys"]
        let confined = try sample.build()
        #expect(confined.linux?.maskedPaths?.first == "/proc/kcore" && confined.linux?.readonlyPaths == ["/proc/sys"])
        #expect(confined.linux?.seccomp?.defaultAction == "SCMP_ACT_ERRNO")
        #expect(confined.linux?.resources?.devices == [.init(allow: false, access: "rwm")])
        #expect(confined.mounts?.first { $0.destination == "/sys" }?.options?.contains("ro") == true)
        sample.config.linux.securityContext.privileged = true
        sample.devices.host = [.init(path: "/dev/x", type: "c", major: 1, minor: 2)]
        let free = try sample.build()
        #expect(free.linux?.maskedPaths == nil && free.linux?.readonlyPaths == nil && free.linux?.seccomp == nil)
        #expect(free.linux?.devices == sample.devices.host && free.linux?.resources?.devices == [.init(allow: true, access: "rwm")])
        #expect(free.process?.capabilities?.bounding == CapabilitySet.all)
        #expect(free.mounts?.first { $0.destination == "/sys/fs/cgroup" }?.options?.contains("rw") == true)
    }

    @Test func scoreIsClampedToWhatTheDaemonMaySet() throws {
        var sample = Sample()
        sample.host.oomScoreFloor = -100
        sample.config.linux.resources.oomScoreAdj = -997
        #expect(try sample.build().process?.oomScoreAdj == -100)
        sample.config.linux.resources.oomScoreAdj = 500
        #expect(try sample.build().process?.oomScoreAdj == 500)
    }
}

@Suite struct UserTests {
    let accounts = AccountFiles(
        passwd: "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/var/www:\n#no:x:1:1\nbad:x:y:z\n:x:5:5\nshort\n",
        group: "root:x:0:\nstaff:x:50:web,other\nbroken:x:q:\nusers:x:100\n")

    private func resolve(_ image: String, _ change: (inout Runtime_V1_LinuxContainerSecurityContext) -> Void = { _ in }) throws(SpecError)
        -> ResolvedUser
    {
        var context = Runtime_V1_LinuxContainerSecurityContext()
        change(&context)
        return try ResolvedUser.resolve(context, imageUser: image, accounts: accounts)
    }

    @Test func imageUsersInEveryForm() throws {
        #expect(try resolve("") == ResolvedUser(uid: 0, gid: 0, groups: [0], home: "/root"))
        #expect(try resolve("web") == ResolvedUser(uid: 33, gid: 34, groups: [34, 50], home: "/var/www"))
        #expect(try resolve("33") == ResolvedUser(uid: 33, gid: 34, groups: [34, 50], home: "/var/www"))
        #expect(try resolve("web:users") == ResolvedUser(uid: 33, gid: 100, groups: [100], home: "/var/www"))
        #expect(try resolve(":users") == ResolvedUser(uid: 0, gid: 100, groups: [100], home: "/root"))
        #expect(try resolve("33:") == ResolvedUser(uid: 33, gid: 34, groups: [34, 50], home: "/var/www"))
        #expect(try resolve("1234") == ResolvedUser(uid: 1234, gid: 0, groups: [0], home: "/"))
        #expect(try resolve("1234:5678") == ResolvedUser(uid: 1234, gid: 5678, groups: [5678], home: "/"))
        for bad in ["nobody", "web:nogroup", "-1", "4294967296"] { #expect(throws: SpecError.self) { try resolve(bad) } }
    }

    @Test func theRequestWins() throws {
        #expect(try resolve("web") { $0.runAsUser.value = 7 }.uid == 7)
        #expect(try resolve("root") { $0.runAsUsername = "web" }.uid == 33)
        #expect(
            try resolve("root") {
                $0.runAsUsername = "web"
                $0.runAsGroup.value = 9
                $0.supplementalGroups = [1000, 3]
            }.groups == [3, 9, 50, 1000])
        #expect(try resolve("root") { $0.runAsUsername = "1234" }.uid == 1234)
        // CRI, LinuxContainerSecurityContext: an image's user does not count here.
        for image in ["", "web"] { #expect(throws: SpecError.self) { try resolve(image) { $0.runAsGroup.value = 9 } } }
        #expect(throws: SpecError.self) {
            try resolve("") {
                $0.runAsUser.value = 33
                $0.runAsUsername = "web"
            }
        }
        #expect(throws: SpecError.self) { try resolve("web") { $0.supplementalGroups = [-1] } }
        #expect(throws: SpecError.self) { try resolve("web") { $0.supplementalGroupsPolicy = .UNRECOGNIZED(7) } }
        #expect(throws: SpecError.self) { try resolve("") { $0.runAsUser.value = -5 } }
    }

    @Test func aNumberIsAnIDWhateverTheFilesCallIt() throws {
        // Otherwise an image could pass runAsNonRoot with the user "1000" and still be root.
        let sly = AccountFiles(passwd: "root:x:0:0::/:\n1000:x:0:0::/:\n", group: "root:x:0:\n2000:x:0:\n")
        let user = try ResolvedUser.resolve(.init(), imageUser: "1000:2000", accounts: sly)
        #expect(user.uid == 1000 && user.gid == 2000)
        #expect(try ResolvedUser.resolve(.with { $0.runAsUsername = "1000" }, imageUser: "", accounts: sly).uid == 1000)
    }

    /// What an image writes there is gone through, whatever its size and form, and costs no copy of it.
    @Test func filesOfMillionsOfLines() throws {
        let line = "u:x:1:1::/:\n"
        var passwd = Array(repeatElement(line.utf8, count: 300_000).joined())
        passwd += Array("long:".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20) + Array("\nlast:x:7:8::/h".utf8)
        var group = Array(repeatElement("g:x:9:last\r\n".utf8, count: 100_000).joined())
        group += [0xff, 0xfe, 0x0a] + Array("tail:x:5:last".utf8)
        let accounts = AccountFiles(passwd: passwd, group: group)
        #expect(accounts.user(named: "last") == AccountFiles.User(name: "last", uid: 7, gid: 8, home: "/h"))
        #expect(accounts.user(named: "long") == nil)
        #expect(accounts.group(named: "tail")?.gid == 5)
        #expect(accounts.groups(of: "last").count == AccountFiles.mostGroups)
    }

    @Test func strictLeavesTheImagesGroupsOut() throws {
        let user = try resolve("web") {
            $0.supplementalGroups = [7]
            $0.supplementalGroupsPolicy = .strict
        }
        #expect(user.groups == [7, 34])
        #expect(user.message.linux.supplementalGroups == [7, 34])
    }
}
