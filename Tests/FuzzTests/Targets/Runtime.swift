import CDI
import CRI
import FoundationEssentials
import OCI

@testable import OCIRuntime

extension FuzzTarget {
    static let runtime: [FuzzTarget] = [
        FuzzTarget("cdi") { input in _ = try Specification(String(decoding: input, as: UTF8.self)) },
        FuzzTarget("hook") { input in
            let hook = try HookDefinition(json: input)
            hold(hook.hook.path.hasPrefix("/"), "a hook's path is '\(hook.hook.path)'")
        },
        FuzzTarget("seccomp", limit: 16 << 10) { input in _ = try SeccompProfile(json: input, source: "a profile") },
        FuzzTarget("accounts", limit: 16 << 10) { input in
            let middle = input.firstIndex(of: 0) ?? input.endIndex
            let files = AccountFiles(passwd: Array(input[..<middle]), group: Array(input[middle...].dropFirst()))
            for name in ["root", "a", "0", ""] {
                _ = files.user(named: name)
                _ = files.group(named: name)
                hold(files.groups(of: name).count <= AccountFiles.mostGroups, "a user has too many groups")
            }
            if let user = files.user(uid: 0) { hold(user.uid == 0, "the user 0 has the number \(user.uid)") }
        },
        FuzzTarget("conmon") { input in _ = SyncMessage(line: input) },
        FuzzTarget("block-io-classes") { input in
            _ = try BlockIOClasses(yaml: String(decoding: input, as: UTF8.self), source: "classes")
        },
        FuzzTarget("rdt-classes") { input in _ = try RDTClasses(yaml: String(decoding: input, as: UTF8.self), source: "classes") },
        FuzzTarget("device") { input in _ = try DeviceMapping(String(decoding: input, as: UTF8.self)) },
        FuzzTarget("apparmor") { input in
            _ = try AppArmorProfile.read(
                .with {
                    $0.profileType = .localhost
                    $0.localhostRef = String(decoding: input, as: UTF8.self)
                })
        },
    ]
}
