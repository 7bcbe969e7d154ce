import Yams

/// One file: the devices of one kind, and what a container gets with each. CDI specification 1.1.0.
public struct Specification: Sendable, Equatable {
    let version: SpecificationVersion
    let vendor: String
    let deviceClass: String
    /// By the device's name within its kind.
    let devices: [String: ContainerEdits]
    /// For each container that has any of the devices, once.
    let edits: ContainerEdits

    /// Reads a file. JSON is read as the YAML that it is too, as the reference implementation does.
    /// - Throws: `CDIError.invalidFile`.
    public init(_ text: String) throws(CDIError) {
        var fields = try Fields(try Self.root(of: text), at: "")
        var used = UsedFeatures()
        version = try SpecificationVersion(try fields.requiredText("cdiVersion"))
        let kind = try fields.requiredText("kind")
        guard let (vendor, deviceClass) = NameGrammar.kind(kind[...]) else {
            throw .invalidFile("kind is '\(kind)'; it is vendor.com/class, of letters, digits, '_', '-' and '.'")
        }
        (self.vendor, self.deviceClass) = (vendor, deviceClass)
        if deviceClass.contains(".") { used.note("a class with a '.'", since: .v060) }
        if try fields.hasTexts("annotations") { used.note("annotations", since: .v060) }
        edits = try ContainerEdits(try fields.mapping("containerEdits"), &used)
        devices = try Self.devices(try fields.mappings("devices"), &used)
        try fields.finish()
        try used.check(version)
    }

    private static func root(of text: String) throws(CDIError) -> Node {
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch {
            // What follows the first line is an excerpt of the file.
            throw .invalidFile("it is neither JSON nor YAML: \("\(error)".split(separator: "\n").first ?? "")")
        }
        guard let root else { throw .invalidFile("the file is empty") }
        return root
    }

    private static func devices(_ list: [Fields], _ used: inout UsedFeatures) throws(CDIError) -> [String: ContainerEdits] {
        var devices: [String: ContainerEdits] = [:]
        for var fields in list {
            let name = try fields.requiredText("name")
            guard NameGrammar.isDevice(name[...]) else {
                throw .invalidFile("\(fields["name"]) is '\(name)'; it is of letters, digits, '_', '-', '.' and ':'")
            }
            if let first = name.utf8.first, NameGrammar.isDigit(first) { used.note("a device's name that begins with a digit", since: .v050) }
            if try fields.hasTexts("annotations") { used.note("annotations", since: .v060) }
            let edits = try ContainerEdits(try fields.mapping("containerEdits"), &used)
            guard !edits.isEmpty else { throw .invalidFile("\(fields["containerEdits"]) is missing or empty") }
            guard devices.updateValue(edits, forKey: name) == nil else { throw .invalidFile("it has two devices named \(name)") }
            try fields.finish()
        }
        guard !devices.isEmpty else { throw .invalidFile("devices is missing or empty") }
        return devices
    }
}
