import Glibc
import Linux

/// Makes and removes cgroups by hand: pods' parents that nobody else made. All calls block.
public struct CgroupTree: Sendable {
    public let layout: CgroupLayout

    public init(layout: CgroupLayout) { self.layout = layout }

    /// Whether the cgroup is there, in any hierarchy.
    public func exists(_ path: String) -> Bool { layout.directories(of: path).contains { Files.exists($0) } }

    /// Makes a cgroup in every hierarchy.
    /// - Throws: `SystemError`.
    public func make(_ path: String) throws {
        for directory in layout.directories(of: path) {
            try Files.makeDirectories(directory)
            if directory == layout.directory(of: path, controller: "cpuset") { try inheritCpuset(path) }
        }
        if layout.version == .v2 { delegateControllers(path) }
    }

    /// A new v1 cpuset is empty and takes no process until it has what its parent has.
    private func inheritCpuset(_ path: String) throws {
        guard let root = layout.controllers["cpuset"] else { return }
        var directory = root
        for part in path.split(separator: "/") {
            let parent = directory
            directory += "/" + part
            for file in ["cpuset.cpus", "cpuset.mems"] {
                let own = (try? Files.readText("\(directory)/\(file)"))?.filter { !$0.isNewline } ?? ""
                if own.isEmpty { try Files.write(try Files.readText("\(parent)/\(file)"), to: "\(directory)/\(file)") }
            }
        }
    }

    /// With v2 a child has a controller only if each parent hands it down. One that cannot be handed down is left.
    private func delegateControllers(_ path: String) {
        var directory = layout.unified
        for part in path.split(separator: "/") {
            let available = ((try? Files.readText("\(directory)/cgroup.controllers")) ?? "").split(whereSeparator: \.isWhitespace)
            for controller in available { try? Files.write("+\(controller)", to: "\(directory)/cgroup.subtree_control") }
            directory += "/" + part
        }
    }

    /// Removes a cgroup and the empty ones below it. Idempotent; one with processes stays.
    public func remove(_ path: String) {
        // Beside v1, runtimes make cgroups in an empty v2 hierarchy, too.
        for directory in Set(layout.directories(of: path) + [layout.unified + path]) { removeDirectory(directory) }
    }

    /// Removes a cgroup; one with processes, or with cgroups below it, stays. Idempotent.
    public func removeEmpty(_ path: String) {
        for directory in Set(layout.directories(of: path) + [layout.unified + path]) { rmdir(directory) }
    }

    /// Whether there are cgroups below it.
    public func hasChildren(_ path: String) -> Bool { layout.directories(of: path).contains { Self.below($0).count > 1 } }

    /// A directory and all below it, those first that lie above.
    static func below(_ directory: String) -> [String] {
        let names = (try? Files.list(directory)) ?? []
        return [directory] + names.map { "\(directory)/\($0)" }.filter { Files.isDirectory($0) }.flatMap { below($0) }
    }

    private func removeDirectory(_ path: String) {
        if rmdir(path) == 0 || errno == ENOENT { return }
        // A container may have nested its own as deep as it liked.
        if let directory = try? OwnedDescriptor.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) {
            try? TreeWalk.run(directory) {
                $0.isDirectory
            } leave: { entry in
                _ = entry.withName { unlinkat(entry.directory, $0, AT_REMOVEDIR) }
            }
        }
        rmdir(path)
    }

    /// Whether a process is in the cgroup or below it.
    public func isPopulated(_ path: String) -> Bool { !processes(of: path).isEmpty }

    /// The files into which a process's number is written to put it into the cgroup.
    public func procsFiles(of path: String) -> [String] {
        layout.directories(of: path).map { "\($0)/cgroup.procs" }
    }
}
