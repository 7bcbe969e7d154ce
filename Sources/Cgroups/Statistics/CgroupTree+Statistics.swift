import Linux

extension CgroupTree {
    /// The figures of a cgroup; nil where it is gone. The files are the kernel's: reading them does not wait.
    public func statistics(of path: String) -> CgroupStatistics? {
        guard exists(path) else { return nil }
        var files: [String: String] = [:]
        switch layout.version {
        case .v1:
            for (controller, file) in CgroupStatistics.v1Files {
                guard let directory = layout.directory(of: path, controller: controller) else { continue }
                files[file] = try? Files.readText("\(directory)/\(file)")
            }
            return CgroupStatistics(v1: files)
        case .v2:
            for file in CgroupStatistics.v2Files { files[file] = try? Files.readText("\(layout.unified)\(path)/\(file)") }
            return CgroupStatistics(v2: files)
        }
    }
}
