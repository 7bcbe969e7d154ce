import CLinux
import Glibc
import Testing

@testable import Linux

/// swiftlet-pin's file, as it was built beside these tests.
func builtPinnerFile() throws -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    try #require(count > 0)
    let directory = String(decoding: buffer[..<count], as: UTF8.self).split(separator: "/").dropLast().joined(separator: "/")
    let executable = "/\(directory)/swiftlet-pin"
    try #require(Files.exists(executable), "build swiftlet-pin first")
    return executable
}

func builtPinner() throws -> NamespacePinner { NamespacePinner(executable: try builtPinnerFile()) }

/// Pins in a directory of the test's own, taken away at the end.
func withPins(
    _ change: (inout NamespaceRequest) -> Void, _ body: (PinnedNamespaces, NamespacePinner) async throws -> Void
) async throws {
    let pinner = try builtPinner()
    let temporary = try TemporaryDirectory()
    var request = NamespaceRequest(directory: temporary.path)
    change(&request)
    let pinned = try await pinner.pin(request)
    let result: Result<Void, any Error>
    do { result = .success(try await body(pinned, pinner)) } catch { result = .failure(error) }
    try await pinner.unpin(directory: temporary.path)
    #expect(try Files.list(temporary.path) == [])
    try result.get()
}

/// What a shell says inside of namespaces.
private func inside(_ flag: String, _ path: String?, _ script: String) async throws -> String {
    let file = try #require(path)
    let result = try await Command("nsenter", ["--\(flag)=\(file)", "/bin/sh", "-c", script]).run(timeout: .seconds(20))
    #expect(result.status.isSuccess, "\(script): \(result.errorText)")
    return String(decoding: result.output, as: UTF8.self).split(separator: "\n").joined(separator: "\n")
}

@Suite struct NamespaceTests {
    @Test func pinsHoldNamespacesOfTheirOwn() async throws {
        try await withPins {
            $0.network = true
            $0.ipc = true
            $0.uts = true
        } _: { pinned, _ in
            for kind in [NamespaceKind.net, .ipc, .uts] {
                let path = try #require([.net: pinned.net, .ipc: pinned.ipc, .uts: pinned.uts][kind] ?? nil)
                let identity = NamespaceFile(kind, path: path).identity
                #expect(identity != nil && identity != NamespaceFile.of(process: getpid(), kind).identity)
            }
            #expect(pinned.user == nil && pinned.pid == nil && pinned.initPID == nil)
        }
    }

    @Test func hostnameSysctlsAndLoopback() async throws {
        let before = try Files.readText("/proc/sys/net/ipv4/ip_default_ttl")
        try await withPins {
            $0.network = true
            $0.ipc = true
            $0.uts = true
            $0.hostname = "pod-a"
            $0.sysctls = [
                "net.ipv4.ip_default_ttl": "77", "kernel.msgmax": "12345", "net/ipv4/conf/lo/forwarding": "1",
                "fs.mqueue.msg_max": "17", "kernel.domainname": "cluster",
            ]
        } _: { pinned, _ in
            #expect(try await inside("uts", pinned.uts, "hostname; cat /proc/sys/kernel/domainname") == "pod-a\ncluster")
            #expect(try await inside("ipc", pinned.ipc, "cat /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max") == "12345\n17")
            let network = "cd /proc/sys/net/ipv4; cat ip_default_ttl conf/lo/forwarding; ip -o link show lo"
            let said = try await inside("net", pinned.net, network)
            #expect(said.hasPrefix("77\n1\n") && said.contains("LOOPBACK,UP"), "\(said)")
        }
        #expect(try Files.readText("/proc/sys/net/ipv4/ip_default_ttl") == before)
    }

    @Test(arguments: [false, true]) func theInitHoldsNothing(inUserNamespace: Bool) async throws {
        let map = [IDMap(containerID: 0, hostID: 700_000, length: 65536)]
        try await withPins {
            $0.network = true
            $0.pid = true
            if inUserNamespace { ($0.uidMap, $0.gidMap) = (map, map) }
        } _: { pinned, _ in
            let pid = try #require(pinned.initPID)
            let status = try statusFields(of: pid)
            for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] { #expect(status[set] == "0000000000000000") }
            let number = inUserNamespace ? "765535" : "65535"
            for ids in ["Uid", "Gid"] { #expect(status[ids] == [String](repeating: number, count: 4).joined(separator: "\t")) }
            #expect(status["Groups"] == "" && status["NoNewPrivs"] == "1" && status["Name"] == "swiftlet-init")
            #expect(status["NSpid"] == "\(pid)\t1" && status["NSsid"] == "\(pid)\t1")
            #expect(try Files.list("/proc/\(pid)/root/") == [])
            #expect(try Files.readText("/proc/\(pid)/mountinfo").split(separator: "\n").count == 1)
            #expect(throws: SystemError.self) { try Files.makeDirectories("/proc/\(pid)/root/x") }
            // It closes the rest by itself, once it is let go.
            for _ in 0..<500 where try Files.list("/proc/\(pid)/fd").count > 3 { try await Task.sleep(for: .milliseconds(10)) }
            #expect(try Files.list("/proc/\(pid)/fd") == ["0", "1", "2"])
            #expect(try Files.readText("/proc/\(pid)/cmdline") == "swiftlet-init\0")
            #expect(try Files.readBytes("/proc/\(pid)/environ").isEmpty)
            for kind in [NamespaceKind.pid, .net, .user] {
                let pin = [.pid: pinned.pid, .net: pinned.net, .user: pinned.user][kind] ?? nil
                let expected = pin.map { NamespaceFile(kind, path: $0) } ?? .of(process: getpid(), kind)
                #expect(NamespaceFile.of(process: pid, kind).identity == expected.identity)
            }
        }
    }

    @Test func nothingIsWrittenThroughTheInitsProgram() async throws {
        // A copy that no other test runs: the kernel refuses with ETXTBSY while it does; what counts is the time after.
        let temporary = try TemporaryDirectory()
        let copy = temporary.path + "/swiftlet-pin"
        // By another process: a file that this one has written may be open still in a child that is being started.
        let copied = try await Command("cp", [try builtPinnerFile(), copy]).run(timeout: .seconds(20))
        #expect(copied.status.isSuccess)
        let pinner = NamespacePinner(executable: copy)
        var request = NamespaceRequest(directory: temporary.path)
        request.pid = true
        let pinned = try await pinner.pin(request)
        let pid = try #require(pinned.initPID)
        let program = try OwnedDescriptor.open("/proc/\(pid)/exe", O_RDONLY)
        try await pinner.unpin(directory: temporary.path)
        #expect(throws: SystemError("open", code: EROFS, "/proc/self/fd/\(program.raw)")) {
            _ = try OwnedDescriptor.open("/proc/self/fd/\(program.raw)", O_WRONLY)
        }
    }

    @Test func theInitReapsAndEndsOnTerm() async throws {
        try await withPins {
            $0.pid = true
        } _: { pinned, pinner in
            let pid = try #require(pinned.initPID)
            // Orphans in the namespace become children of the init and must not stay.
            _ = try await inside("pid", pinned.pid, "for i in 1 2 3; do (sleep 0.01 & ) ; done; sleep 0.2")
            let children = try Files.readText("/proc/\(pid)/task/\(pid)/children")
            #expect(children == "")
            let descriptor = OwnedDescriptor(clinux_pidfd_open(pid, 0))
            #expect(kill(pid, SIGTERM) == 0)
            try await Poller.shared.readable(descriptor.raw)
        }
    }

    @Test func theInitJoinsItsCgroups() async throws {
        let cgroup = "/sys/fs/cgroup/pids/swiftlet-pin-test-\(getpid())"
        guard mkdir(cgroup, 0o755) == 0 else { return }
        defer { rmdir(cgroup) }
        try await withPins {
            $0.pid = true
            $0.cgroupProcsFiles = [cgroup + "/cgroup.procs"]
        } _: { pinned, _ in
            let pid = try #require(pinned.initPID)
            #expect(try Files.readText(cgroup + "/cgroup.procs") == "\(pid)\n")
        }
        #expect(rmdir(cgroup) == 0, "unpinning waits until the cgroup is empty")
    }

    @Test func unpinningKillsNobodyElse() async throws {
        let temporary = try TemporaryDirectory()
        let pinner = try builtPinner()
        var request = NamespaceRequest(directory: temporary.path)
        request.pid = true
        let pinned = try await pinner.pin(request)
        let pid = try #require(pinned.initPID)
        #expect(kill(pid, SIGKILL) == 0)
        // As if the number had gone to another process since.
        let bystander = try await Command("/bin/sleep", ["60"]).spawn()
        #expect(chmod(temporary.path + "/init.pid", 0o600) == 0)
        try Files.write("\(bystander.pid)\n", to: temporary.path + "/init.pid")
        try await pinner.unpin(directory: temporary.path)
        try await pinner.unpin(directory: temporary.path)
        #expect(kill(bystander.pid, 0) == 0)
        try bystander.signal(SIGKILL)
        #expect(try await bystander.wait() == .signaled(SIGKILL))
        try await pinner.unpin(directory: temporary.path + "/nowhere")
    }

    @Test func aLivePinIsNotCoveredUp() async throws {
        try await withPins {
            $0.network = true
        } _: { pinned, pinner in
            let path = try #require(pinned.net)
            let before = NamespaceFile(.net, path: path).identity
            var again = NamespaceRequest(directory: String(path.dropLast("/net".count)))
            again.network = true
            await #expect(throws: PinError.self) { _ = try await pinner.pin(again) }
            #expect(before != nil && NamespaceFile(.net, path: path).identity == before)
        }
    }
}

func statusFields(of pid: Int32) throws -> [String: String] {
    var fields: [String: String] = [:]
    for line in try Files.readText("/proc/\(pid)/status").split(separator: "\n") {
        let parts = line.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { continue }
        let value = String(parts[1].drop { $0.isWhitespace })
        fields[String(parts[0])] = value.last == " " ? String(value.dropLast()) : value
    }
    return fields
}
