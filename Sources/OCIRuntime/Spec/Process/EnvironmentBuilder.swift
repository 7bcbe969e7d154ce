import CRI
import OCI

/// A container's environment: the configuration's defaults under the image's under the request's.
struct EnvironmentBuilder {
    let settings: SpecSettings

    static let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    func build(_ request: SpecRequest) -> [String] {
        var list = VariableList()
        list.set(Self.path)
        if request.config.tty { list.set("TERM=xterm") }
        list.set("HOSTNAME=\(request.hostname)")
        settings.defaultEnvironment.forEach { list.set($0) }
        (request.image.config?.env ?? []).forEach { list.set($0) }
        for variable in request.config.envs {
            list.set("\(variable.key)=\(String(decoding: variable.value, as: UTF8.self))")
        }
        if !list.has("HOME") { list.set("HOME=\(request.user.home)") }
        return list.variables
    }
}

/// `KEY=VALUE` in order of first mention; a later value takes the place of an earlier one.
private struct VariableList {
    private(set) var variables: [String] = []
    private var places: [String: Int] = [:]

    func has(_ name: String) -> Bool { places[name] != nil }

    mutating func set(_ variable: String) {
        let name = String(variable.prefix { $0 != "=" })
        if let index = places[name] {
            variables[index] = variable
        } else {
            places[name] = variables.count
            variables.append(variable)
        }
    }
}
