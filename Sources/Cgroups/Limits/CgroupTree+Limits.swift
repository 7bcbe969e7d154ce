import Linux

extension CgroupTree {
    /// Writes limits into the files of a cgroup. Blocks.
    /// - Throws: `SystemError` with the file that did not take its value. Limits of a controller that the host lacks are left out.
    public func apply(_ limits: CgroupLimits, to path: String) throws(SystemError) {
        let now = statistics(of: path)?.memoryLimit
        for file in limits.files(layout.version, memoryNow: now) {
            guard let directory = layout.directory(of: path, controller: file.controller) else { continue }
            try Files.write(file.text, to: "\(directory)/\(file.name)")
        }
    }
}
