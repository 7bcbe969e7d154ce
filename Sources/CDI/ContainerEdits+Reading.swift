extension ContainerEdits {
    /// Edits as they stand in a file; none where the file has none.
    /// - Throws: `CDIError.invalidFile`.
    init(_ fields: Fields?, _ used: inout UsedFeatures) throws(CDIError) {
        self.init()
        guard var fields else { return }
        environment = try Self.environment(&fields)
        for node in try fields.mappings("deviceNodes") { deviceNodes.append(try DeviceNode(node, &used)) }
        for mount in try fields.mappings("mounts") { mounts.append(try Mount(mount, &used)) }
        for hook in try fields.mappings("hooks") { hooks.append(try Hook(hook)) }
        let groups = try fields.numbers("additionalGids", as: UInt32.self)
        if !groups.isEmpty { used.note("additionalGids", since: .v070) }
        // Every container's root has the group 0; the reference implementation leaves it out.
        additionalGroups = groups.filter { $0 != 0 }
        if let rdt = try fields.mapping("intelRdt") { intelRdt = try IntelRdt(rdt, &used, &unsupported) }
        try readNetworkDevices(&fields, &used)
        try fields.finish()
    }

    fileprivate static func environment(_ fields: inout Fields) throws(CDIError) -> [String] {
        let variables = try fields.texts("env")
        for variable in variables where variable.hasPrefix("=") || !variable.contains("=") {
            throw .invalidFile("\(fields["env"]) has '\(variable)', which is not KEY=VALUE")
        }
        return variables
    }

    /// They are checked so that the file is one, and refused when the device is asked for.
    private mutating func readNetworkDevices(_ fields: inout Fields, _ used: inout UsedFeatures) throws(CDIError) {
        let devices = try fields.mappings("netDevices")
        guard !devices.isEmpty else { return }
        for var device in devices {
            _ = try device.requiredText("hostInterfaceName")
            _ = try device.requiredText("name")
            try device.finish()
        }
        used.note("netDevices", since: .v110)
        unsupported.append("netDevices")
    }
}

extension DeviceNode {
    init(_ fields: Fields, _ used: inout UsedFeatures) throws(CDIError) {
        var fields = fields
        self.init(path: try fields.requiredText("path"))
        hostPath = try fields.text("hostPath")
        if hostPath == "" { hostPath = nil }
        if hostPath != nil { used.note("deviceNodes.hostPath", since: .v050) }
        type = try fields.text("type")
        if type == "" { type = nil }
        if let type, !["b", "c", "u", "p"].contains(type) {
            throw .invalidFile("\(fields["type"]) is '\(type)'; it takes b, c, u and p")
        }
        major = try fields.number("major", as: Int64.self) ?? 0
        minor = try fields.number("minor", as: Int64.self) ?? 0
        fileMode = try fields.number("fileMode", as: UInt32.self)
        permissions = try fields.text("permissions")
        if permissions == "" { permissions = nil }
        if let permissions, !permissions.allSatisfy({ "rwm".contains($0) }) {
            throw .invalidFile("\(fields["permissions"]) is '\(permissions)'; it is made of r, w and m")
        }
        uid = try fields.number("uid", as: UInt32.self)
        gid = try fields.number("gid", as: UInt32.self)
        try fields.finish()
    }
}

extension ContainerEdits.Mount {
    fileprivate init(_ fields: Fields, _ used: inout UsedFeatures) throws(CDIError) {
        var fields = fields
        hostPath = try fields.requiredText("hostPath")
        containerPath = try fields.requiredText("containerPath")
        type = try fields.text("type")
        if type == "" { type = nil }
        if type != nil { used.note("mounts.type", since: .v040) }
        options = try fields.texts("options")
        try fields.finish()
    }
}

extension ContainerEdits.Hook {
    fileprivate init(_ fields: Fields) throws(CDIError) {
        var fields = fields
        let name = try fields.requiredText("hookName")
        guard let stage = Stage(rawValue: name) else {
            throw .invalidFile("\(fields["hookName"]) is '\(name)'; known are \(Stage.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.stage = stage
        path = try fields.requiredText("path")
        arguments = try fields.texts("args")
        environment = try ContainerEdits.environment(&fields)
        timeout = try fields.number("timeout", as: Int.self)
        try fields.finish()
    }
}

extension ContainerEdits.IntelRdt {
    fileprivate init(_ fields: Fields, _ used: inout UsedFeatures, _ unsupported: inout [String]) throws(CDIError) {
        var fields = fields
        used.note("intelRdt", since: .v070)
        closID = try fields.text("closID")
        l3CacheSchema = try fields.text("l3CacheSchema")
        memBwSchema = try fields.text("memBwSchema")
        if let closID, closID != "/", !Self.isFileName(closID) {
            throw .invalidFile("\(fields["closID"]) is '\(closID)'; it is a file's name or /")
        }
        if try !fields.texts("schemata").isEmpty { unsupported.append("intelRdt.schemata") }
        if try fields.flag("enableMonitoring") == true { unsupported.append("intelRdt.enableMonitoring") }
        if let field = unsupported.first { used.note(field, since: .v110) }
        try fields.finish()
    }

    private static func isFileName(_ text: String) -> Bool {
        text.utf8.count < 4096 && text != "." && text != ".." && !text.contains("/") && !text.contains("\n")
    }
}
