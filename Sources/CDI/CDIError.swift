/// Why a container cannot have the CDI devices that it asks for.
public enum CDIError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The text is no name of a device.
    case malformedName(String)
    /// A file does not say what a specification says; where and what, without the file's name.
    case invalidFile(String)
    /// No file defines these devices.
    case unknownDevices([QualifiedName], directories: [String], unreadable: [UnreadableFile])
    /// Files of the same directory define the same device.
    case conflict(QualifiedName, files: [String])
    /// A device that a file describes is not as the file says, or not there.
    case hostDevice(path: String, reason: String)
    /// The file asks for what no OCI runtime specification before 1.3 has.
    case unsupported(QualifiedName, file: String, field: String)

    public var description: String {
        switch self {
        case .malformedName(let text):
            "'\(text)' is no name of a CDI device: names are of the form vendor.com/class=device"
        case .invalidFile(let reason): reason
        case .unknownDevices(let names, let directories, let unreadable):
            "no file defines the CDI device\(names.count > 1 ? "s" : "") \(names.map(\.description).joined(separator: ", ")): "
                + "searched \(directories.isEmpty ? "nothing, since cdi_spec_dirs is empty" : directories.joined(separator: " and "))"
                + unreadable.map { "; \($0)" }.joined()
        case .conflict(let name, let files):
            "the CDI device \(name) is defined by \(files.joined(separator: " and by ")): remove it from all but one"
        case .hostDevice(let path, let reason): "the CDI device node \(path) cannot be made: \(reason)"
        case .unsupported(let name, let file, let field):
            "the CDI device \(name) of \(file) has \(field), which needs version 1.3 of the OCI runtime specification: Swiftlet writes 1.2"
        }
    }
}

/// A file in a directory of specifications that is none, or a directory that cannot be listed.
public struct UnreadableFile: Sendable, Equatable, CustomStringConvertible {
    public let path: String
    public let reason: String

    public init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    public var description: String { "\(path) was passed over: \(reason)" }
}
