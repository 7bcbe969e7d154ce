import Glibc
import Linux

/// A directory with files as a cgroup has them.
struct TemporaryTree {
    let path: String

    /// - Parameter cgroup: the path of the directory that gets the files.
    init(_ files: [String: String], below cgroup: String) throws {
        var template = Array("/tmp/swiftlet-cgroups.XXXXXX".utf8CString)
        let made: String? = template.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
        }
        guard let made else { throw SystemError("mkdtemp", "/tmp") }
        path = made
        try Files.makeDirectories("\(path)/\(cgroup)")
        for (name, text) in files { try Files.writeAtomically(Array(text.utf8), to: "\(path)/\(cgroup)/\(name)") }
    }

    func remove() { try? Files.removeTree(path) }
}
