import Linux

/// Asks the kernel for its AppArmor profiles and gives it the default one.
public struct AppArmorLoader: Sendable {
    /// The kernel's list, a profile a line.
    public var profiles = "/sys/kernel/security/apparmor/profiles"
    /// AppArmor's own files.
    public var policy = "/etc/apparmor.d"
    /// apparmor_parser(8).
    public var parser = "apparmor_parser"

    public init() {}

    /// The names in the kernel's list, whose lines are `NAME (MODE)`. A name may have spaces and parentheses.
    static func names(_ text: String) -> Set<String> {
        Set(
            text.split(separator: "\n").compactMap { line in
                guard line.hasSuffix(")"), let mode = line.lastIndex(of: "(") else { return nil }
                let name = line[..<mode]
                return name.count > 1 && name.hasSuffix(" ") ? String(name.dropLast()) : nil
            })
    }

    /// Makes sure that the profile of `apparmor_profile` is there: the default one is loaded, another must have been.
    /// - Throws: `SpecError.unsupported` saying what to do.
    public func prepare(_ name: String) async throws {
        switch name {
        case AppArmorProfile.unconfinedName: return
        case AppArmorProfile.standardName: try await loadStandard()
        default: try await require(name)
        }
    }

    /// - Throws: `SpecError.unsupported` where no profile of the name is loaded. The default one is loaded again.
    public func require(_ name: String) async throws {
        if name == AppArmorProfile.unconfinedName { return }
        let loaded = try await BlockingPool.shared.run { [profiles] in
            do { return Self.names(try Files.readText(profiles)) } catch {
                throw SpecError.unsupported("whether the AppArmor profile \(name) is loaded cannot be told: \(error): mount securityfs")
            }
        }
        if loaded.contains(name) { return }
        guard name == AppArmorProfile.standardName else {
            throw SpecError.unsupported("the AppArmor profile \(name) is not loaded on this node: load it with apparmor_parser")
        }
        try await loadStandard()
    }

    private func loadStandard() async throws {
        let text = AppArmorProfile.text(
            tunables: Files.exists("\(policy)/tunables/global"), base: Files.exists("\(policy)/abstractions/base"))
        let output: CommandOutput
        do {
            output = try await Command(parser, ["-K", "-r"], environment: [:]).run(input: Array(text.utf8), timeout: .seconds(30))
        } catch {
            throw SpecError.unsupported(
                "AppArmor is enabled and its default profile cannot be loaded: \(error): install apparmor, or set apparmor_profile in [crio.runtime]"
            )
        }
        guard output.status.isSuccess else {
            throw SpecError.unsupported("apparmor_parser does not take the profile \(AppArmorProfile.standardName): \(output.errorText)")
        }
    }
}
