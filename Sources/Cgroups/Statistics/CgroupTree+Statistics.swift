import Linux

extension CgroupTree {
    /// The figures of a cgroup; nil where it is gone. The files are the kernel's: reading them does not wait.
    public func statistics(of path: String) -> CgroupStatistics? {
        guard exists(path) else { return nil }
        switch layout.version {
        case .v1: return CgroupStatistics(v1: texts(of: path, CgroupStatistics.v1Files))
        case .v2: return CgroupStatistics(v2: texts(of: path, CgroupStatistics.v2Files))
        }
    }

    /// What else there is to know of a cgroup; nil where it is gone.
    public func details(of path: String) -> CgroupDetails? {
        guard exists(path) else { return nil }
        switch layout.version {
        case .v1: return CgroupDetails(v1: texts(of: path, CgroupDetails.v1Files))
        case .v2: return CgroupDetails(v2: texts(of: path, CgroupDetails.v2Files))
        }
    }

    /// The processes in a cgroup and in those below it: crun puts a container's own there, and so may what runs in it.
    public func processes(of path: String) -> [Int32] {
        for directory in layout.directories(of: path) where Files.exists(directory) { return CgroupProcesses.read(below: [directory]) }
        return []
    }

    private func texts(of path: String, _ files: [(controller: String, file: String)]) -> [String: String] {
        var texts: [String: String] = [:]
        for (controller, file) in files {
            guard let directory = layout.directory(of: path, controller: controller) else { continue }
            texts[file] = try? Files.readText("\(directory)/\(file)")
        }
        return texts
    }

    private func texts(of path: String, _ files: [String]) -> [String: String] {
        var texts: [String: String] = [:]
        for file in files { texts[file] = try? Files.readText("\(layout.unified)\(path)/\(file)") }
        return texts
    }
}
