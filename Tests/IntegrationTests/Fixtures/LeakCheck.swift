import Glibc
import Linux
import Testing

/// What a daemon whose pods are all gone must not leave on the machine.
struct LeakCheck: Sendable {
    let directory: String
    let network: TestNetwork

    /// Expects that nothing is left. What ends by itself, a monitor above all, has a moment for it.
    func expectNone(sourceLocation: SourceLocation) async throws {
        let deadline = ContinuousClock.now + .seconds(3)
        var left = try await leaks()
        while !left.isEmpty, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(50))
            left = try await leaks()
        }
        #expect(left == [], "left behind", sourceLocation: sourceLocation)
    }

    /// One line for each thing that is left.
    func leaks() async throws -> [String] {
        let lines = try await [mounts(), processes(), cgroups(), units(), addresses(), interfaces(), rules(), records()]
        return lines.flatMap { $0 }
    }

    private func mounts() throws -> [String] {
        try MountTable.read().filter { $0.mountPoint.hasPrefix(directory) }.map { "mount \($0.mountPoint)" }
    }

    private func processes() throws -> [String] {
        try ownProcesses().map { "process \($0.pid): \($0.arguments.split(separator: "\0").prefix(4).joined(separator: " "))" }
    }

    /// Monitors and runtimes: they name the directory in their arguments.
    private func ownProcesses() throws -> [(pid: Int32, arguments: String)] {
        try Files.list("/proc").compactMap { Int32($0) }.compactMap { pid in
            guard let arguments = try? Files.readText("/proc/\(pid)/cmdline"), arguments.contains(directory) else { return nil }
            return (pid, arguments)
        }
    }

    /// Cgroups below the tests' parent, and those elsewhere that bear an id of this daemon's.
    private func cgroups() async throws -> [String] {
        let below = "find /sys/fs/cgroup -mindepth 2 -type d -path '*\(parent)/*'"
        let elsewhere = "find /sys/fs/cgroup -type d -name '*swiftlet-*' | grep -F -f <(\(ids)) || true"
        return try await Set(lines(below) + lines(elsewhere)).sorted().map { "cgroup \($0)" }
    }

    /// Slices and scopes of systemd's, by their names or by the slice that they are in.
    private func units() async throws -> [String] {
        guard Combination.current.usesSystemd else { return [] }
        return try await lines("\(allUnits) || true").map { "unit \($0)" }
    }

    /// Where the pods' parent lies below the hierarchies' mount points.
    private var parent: String { Combination.current.path(ofParent: Combination.current.parent(network.name)) }
    /// The parent's name without what it ends in: those of slices below it begin with it.
    private var slice: String { network.name.replacing("-", with: "_") }

    /// Prints the ids of pods and containers, which the daemon's log tells, a line each.
    private var ids: String { "grep -oE '\\b[0-9a-f]{64}\\b' \(directory)/log | sort -u" }

    /// Prints the names of the test's units.
    private var allUnits: String {
        """
        { systemctl list-units --all --plain --no-legend '\(slice)*' | awk '{ print $1 }'
        systemctl show 'swiftlet-*.scope' --property=Id,Slice --value | awk 'NF' | paste - - | awk '/ ?\(slice)/ { print $1 }'
        systemctl list-units --all --plain --no-legend 'swiftlet-*.scope' | awk '{ print $1 }' | grep -F -f <(\(ids)); } | sort -u
        """
    }

    private func addresses() async throws -> [String] {
        try await lines("find \(network.addresses) -type f -name '\(network.prefix)*' 2>/dev/null || true").map { "address \($0)" }
    }

    private func interfaces() async throws -> [String] {
        try await lines("ip -o link show master \(network.bridge) 2>/dev/null || true").map { "interface \($0)" }
    }

    private func rules() async throws -> [String] {
        try await lines("iptables-save | grep -F '\(network.name)' || true").map { "rule \($0)" }
    }

    /// Files and folders named after a pod or container, by 64 hexadecimal digits. Digests, which images are kept by, have as many.
    private func records() async throws -> [String] {
        let images = "-path \(directory)/root/documents -o -path \(directory)/root/layers"
        let names = "-regextype posix-extended -regex '.*/[0-9a-f]{64}[^/]*'"
        let find = "find \(directory)/root \(directory)/run \\( \(images) \\) -prune -o \(names) -print -prune"
        return try await lines(find).map { "file \($0)" }
    }

    private func lines(_ script: String) async throws -> [String] {
        try await shell(script).split(separator: "\n").map(String.init)
    }

    /// Removes whatever is left, by force.
    func destroy() async throws {
        for process in try ownProcesses() { kill(process.pid, SIGKILL) }
        try await shell(
            """
            groups() { find /sys/fs/cgroup -depth -type d -path '*\(parent)*'; }
            if [ \(Combination.current.cgroupManager) = systemd ]; then \(allUnits) | xargs -r systemctl stop || true; fi
            for file in $(groups | sed 's|$|/cgroup.procs|'); do
                for pid in $(cat $file 2>/dev/null); do kill -KILL $pid 2>/dev/null || true; done
            done
            for try in 1 2 3 4 5; do
                [ -n "$(groups)" ] || break
                groups | xargs rmdir 2>/dev/null || sleep 0.05
            done
            ip link del \(network.bridge) 2>/dev/null || true
            iptables-save -t nat | grep -F '\(network.name)' | sed -n 's/^-A/iptables -t nat -D/p' | bash 2>/dev/null || true
            """)
        try Mounts.unmountAll(below: directory)
        try Files.removeTree(directory)
    }
}
