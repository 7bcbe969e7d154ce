/// What can be wrong with the node's records.
public enum StoreError: Error, Sendable, CustomStringConvertible {
    /// The file cannot be opened or written.
    case unusable(path: String, reason: String)
    /// The file was written by a later version.
    case newerFormat(path: String, version: Int)
    /// The disk is full: what is known can be changed and removed, nothing can be added.
    case full(path: String)
    /// A record is there but does not decode.
    case corrupt(collection: String, id: String, reason: String)

    public var description: String {
        switch self {
        case .unusable(let path, let reason):
            "the store \(path) cannot be used: \(reason); check the disk's space and the file's owner, or move the file away to start empty"
        case .newerFormat(let path, let version):
            "the store \(path) has format \(version), which this version does not read; run the version that wrote it"
        case .full(let path):
            "the disk of the store \(path) is full: nothing can be added before something is removed; free space or inodes on it"
        case .corrupt(let collection, let id, let reason):
            "the record \(id) of \(collection) does not decode: \(reason)"
        }
    }
}
