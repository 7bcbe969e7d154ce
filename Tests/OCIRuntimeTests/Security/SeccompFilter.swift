import CSeccomp
import Glibc
import OCI

/// A profile made into the kernel's filter by libseccomp, as runc makes it, and run on a call without the kernel.
struct SeccompFilter {
    enum Failure: Error { case build(String, Int32) }

    private struct Instruction {
        let code: UInt16
        let jumpTrue: UInt8
        let jumpFalse: UInt8
        let value: UInt32
    }

    private let program: [Instruction]

    init(_ profile: Spec.Seccomp) throws {
        guard let context = seccomp_init(Self.action(profile.defaultAction, profile.defaultErrnoRet)) else {
            throw Failure.build(profile.defaultAction, 0)
        }
        defer { seccomp_release(context) }
        for rule in profile.syscalls ?? [] {
            for name in rule.names {
                let number = seccomp_syscall_resolve_name(name)
                // runc passes over what its libseccomp does not know, too.
                if number == -1 { continue }
                let comparisons = (rule.args ?? []).map {
                    scmp_arg_cmp(arg: UInt32($0.index), op: Self.comparison($0.op), datum_a: $0.value, datum_b: $0.valueTwo ?? 0)
                }
                let code = seccomp_rule_add_array(
                    context, Self.action(rule.action, rule.errnoRet), number, UInt32(comparisons.count), comparisons)
                // EACCES: the rule says what the default says.
                guard code == 0 || code == -EACCES else { throw Failure.build(name, code) }
            }
        }
        program = try Self.export(context)
    }

    private static func export(_ context: scmp_filter_ctx) throws -> [Instruction] {
        let path = "/tmp/swiftlet-filter-\(UInt64.random(in: 0...UInt64.max))"
        let file = open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
        defer {
            close(file)
            unlink(path)
        }
        let code = seccomp_export_bpf(context, file)
        guard file >= 0, code == 0 else { throw Failure.build("export", code) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = max(0, pread(file, &bytes, bytes.count, 0))
        return stride(from: 0, to: count, by: 8).map { at in
            bytes.withUnsafeBytes { raw in
                Instruction(
                    code: raw.loadUnaligned(fromByteOffset: at, as: UInt16.self), jumpTrue: raw[at + 2], jumpFalse: raw[at + 3],
                    value: raw.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self))
            }
        }
    }

    /// What the kernel would do: nil for letting the call through, else the error that it answers with.
    func error(of name: String, _ arguments: UInt64...) -> Int32? {
        var words = [UInt32(bitPattern: seccomp_syscall_resolve_name(name)), seccomp_arch_native(), 0, 0]
        for index in 0..<6 {
            let value = index < arguments.count ? arguments[index] : 0
            words += [UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32)]
        }
        let verdict = run(on: words)
        return verdict == 0x7fff_0000 ? nil : verdict & 0xffff_0000 == 0x0005_0000 ? Int32(verdict & 0xffff) : -1
    }

    /// Classic BPF, linux/filter.h, as far as libseccomp uses it.
    private func run(on words: [UInt32]) -> UInt32 {
        var (accumulator, counter) = (UInt32(0), 0)
        while counter < program.count {
            let now = program[counter]
            counter += 1
            func jump(_ condition: Bool) -> Int { Int(condition ? now.jumpTrue : now.jumpFalse) }
            switch now.code {
            case 0x20: accumulator = words[Int(now.value) / 4]
            case 0x54: accumulator &= now.value
            case 0x05: counter += Int(now.value)
            case 0x15: counter += jump(accumulator == now.value)
            case 0x25: counter += jump(accumulator > now.value)
            case 0x35: counter += jump(accumulator >= now.value)
            case 0x45: counter += jump(accumulator & now.value != 0)
            case 0x06: return now.value
            default: return 0
            }
        }
        return 0
    }

    private static func action(_ name: String, _ error: UInt?) -> UInt32 {
        switch name {
        case "SCMP_ACT_ALLOW": 0x7fff_0000
        case "SCMP_ACT_ERRNO": 0x0005_0000 | UInt32(error ?? 1)
        default: 0x8000_0000
        }
    }

    private static func comparison(_ name: String) -> scmp_compare {
        switch name {
        case "SCMP_CMP_NE": SCMP_CMP_NE
        case "SCMP_CMP_LT": SCMP_CMP_LT
        case "SCMP_CMP_LE": SCMP_CMP_LE
        case "SCMP_CMP_EQ": SCMP_CMP_EQ
        case "SCMP_CMP_GE": SCMP_CMP_GE
        case "SCMP_CMP_GT": SCMP_CMP_GT
        default: SCMP_CMP_MASKED_EQ
        }
    }
}
