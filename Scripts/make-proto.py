#!/usr/bin/env python3
"""Write Protos/runtime.proto from a table of the CRI's wire facts (kind, owner, name, number, type, note).

Usage: make-proto.py TABLE > Protos/runtime.proto
"""
import sys

rows = [l.rstrip("\n").split("\t") for l in open(sys.argv[1]) if l.strip() and not l.startswith("#")]
rows = [r + [""] * (6 - len(r)) for r in rows]
services, messages, enums = {}, {}, {}
for kind, owner, name, number, typ, note in rows:
    if kind == "rpc":
        services.setdefault(owner, []).append((name, typ))
    elif kind == "enum":
        enums.setdefault(owner, []).append((name, number))
    elif kind == "field":
        messages.setdefault(owner, []).append((name, number, typ, note))
    elif kind == "message":
        messages.setdefault(owner, [])


def body_enum(name, indent=""):
    short = name.split(".")[-1]
    lines = [f"{indent}enum {short} {{"]
    lines += [f"{indent}  {n} = {v};" for n, v in enums[name]]
    return lines + [indent + "}"]


out = ['syntax = "proto3";', "package runtime.v1;", ""]
for service, rpcs in services.items():
    out.append(f"service {service} {{")
    for name, typ in rpcs:
        request, response = typ.split(" -> ")
        out.append(f"  rpc {name}({request}) returns ({response});")
    out += ["}", ""]
for name in enums:
    if "." not in name:
        out += body_enum(name) + [""]
for name, fields in messages.items():
    out.append(f"message {name} {{")
    for e in enums:
        if e.startswith(name + "."):
            out += body_enum(e, "  ")
    for field, number, typ, note in fields:
        options = []
        if "deprecated" in note:
            options.append("deprecated = true")
        if "redact" in note:
            options.append("debug_redact = true")
        suffix = f" [{', '.join(options)}]" if options else ""
        out.append(f"  {typ} {field} = {number}{suffix};")
    out += ["}", ""]
print("\n".join(out).rstrip())
