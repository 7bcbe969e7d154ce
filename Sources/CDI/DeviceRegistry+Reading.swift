import Glibc
import Linux

extension DeviceRegistry {
    /// Reads all specifications of these directories, the later ones winning. Directories that are not there have none.
    ///
    /// They are read at each request for a CDI device: that is rare, the files are few and small, and what a driver wrote a
    /// moment ago counts. Nothing is kept, so nothing can be out of date. Blocks.
    public static func read(_ directories: [String]) -> DeviceRegistry {
        var files: [(path: String, rank: Int, text: Result<String, CDIError>)] = []
        for (rank, directory) in directories.enumerated() {
            do {
                for name in try Files.list(directory) where name.hasSuffix(".json") || name.hasSuffix(".yaml") {
                    let path = "\(directory)/\(name)"
                    if let text = text(of: path) { files.append((path, rank, text)) }
                }
            } catch  where error.code != ENOENT {
                files.append((directory, rank, .failure(.invalidFile("\(error)"))))
            } catch {}
        }
        return DeviceRegistry(directories: directories, files: files)
    }

    /// Nil for a directory, and for what has just been removed.
    private static func text(of path: String) -> Result<String, CDIError>? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            return errno == ENOENT ? nil : .failure(.invalidFile("\(SystemError("stat"))"))
        }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: return nil
        case S_IFREG where status.st_size <= sizeLimit: break
        case S_IFREG: return .failure(.invalidFile("the file is larger than \(sizeLimit >> 20) MiB"))
        default: return .failure(.invalidFile("it is not a regular file"))
        }
        do {
            guard let text = String(validating: try Files.readBytes(path), as: UTF8.self) else {
                return .failure(.invalidFile("the file is not UTF-8"))
            }
            return .success(text)
        } catch {
            return error.code == ENOENT ? nil : .failure(.invalidFile("\(error)"))
        }
    }

    private static var sizeLimit: Int { 16 << 20 }
}
