"""Kiali's rules for drawing the edges of its workload graph, with service nodes injected (Kiali 2.30).

kiali_graph.py URL NAMESPACE [EXPRESSION]

Draws the graph of a namespace from a running Prometheus, as JSON. EXPRESSION is what is summed for each edge; Kiali's own is
rate(istio_requests_total[60s]).
"""
import json, re, sys, urllib.parse, urllib.request

REQUIRED = ("source_workload_namespace source_workload source_canonical_service source_canonical_revision destination_service_namespace "
            "destination_service destination_service_name destination_workload_namespace destination_workload destination_canonical_service "
            "destination_canonical_revision response_flags request_protocol response_code").split()
GROUP = "source_cluster,source_workload_namespace,source_workload,source_canonical_service,source_canonical_revision,destination_cluster,destination_service_namespace,destination_service,destination_service_name,destination_workload_namespace,destination_workload,destination_canonical_service,destination_canonical_revision,request_protocol,response_code,grpc_response_status,response_flags"
ADDRESS = re.compile(r"^\d+\.\d+\.\d+\.\d+(:\d+)?$")


def known(v):
    return v not in ("", "unknown")


def node(ns, workload, svc_ns, svc):
    if known(workload) and known(ns):
        return f"workload:{ns}/{workload}"
    if known(svc):
        return f"service:{svc_ns or 'unknown'}/{svc}"
    return "unknown:unknown/unknown"


def picked(labels, ns):
    """Which of the three queries of a namespace ask for the series, in their order."""
    src, dst, rep = labels.get("source_workload_namespace", ""), labels.get("destination_workload_namespace", ""), labels.get("reporter")
    if rep == "source" and src != ns and dst == "unknown" and labels.get("destination_workload") == "unknown" and re.match(r"^.+\.%s\..+$" % re.escape(ns), labels.get("destination_service", "")):
        return 0
    if rep == "destination" and dst == ns:
        return 1
    if rep == "source" and src == ns:
        return 2
    return None


def edges(series, ns):
    grouped = {}
    for rate, labels in series:
        q = picked(labels, ns)
        if q is None or rate <= 0:
            continue
        key = (q,) + tuple(labels.get(k, "") for k in GROUP.split(","))
        grouped[key] = grouped.get(key, 0) + rate
    out, seen = {}, set()
    for key, rate in sorted(grouped.items(), key=lambda kv: kv[0][0]):
        l = dict(zip(GROUP.split(","), key[1:]))
        if any(not l[k] for k in REQUIRED):
            continue
        sc, dc = l["source_cluster"] or "unknown", l["destination_cluster"] or "unknown"
        if known(l["source_workload_namespace"]) and (not known(l["source_workload"]) and not known(l["source_canonical_service"]) or l["source_cluster"] and not known(sc)):
            continue
        if not known(dc) and known(sc) and known(l["destination_service_namespace"]):
            dc = sc
        svc, name = l["destination_service"], l["destination_service_name"]
        if not known(l["destination_workload"]) and known(svc) and svc == name and ADDRESS.match(name):
            continue
        if known(l["destination_service_namespace"]) and l["destination_cluster"] and not known(dc):
            continue
        code, grpc = l["response_code"], l["grpc_response_status"]
        if code == "0":
            code = "-"
        elif l["request_protocol"] == "grpc" and grpc and not re.match(r"^[45]\d\d$", code):
            code = grpc
        src = node(l["source_workload_namespace"], l["source_workload"], "", "")
        dst = node(l["destination_workload_namespace"], l["destination_workload"], l["destination_service_namespace"], name)
        stamp = (sc, l["source_workload_namespace"], l["source_workload"], l["source_canonical_service"], l["source_canonical_revision"], dc, l["destination_service_namespace"], name,
                 l["destination_workload_namespace"], l["destination_workload"], l["destination_canonical_service"], l["destination_canonical_revision"], code, l["response_flags"], svc)
        path = [src, dst]
        if known(name) and name != "PassthroughCluster" and not dst.startswith("service:"):
            path.insert(1, f"service:{l['destination_service_namespace']}/{name}")
        for a, b in zip(path, path[1:]):
            if (a, b, l["request_protocol"], stamp) in seen:
                break
            seen.add((a, b, l["request_protocol"], stamp))
            e = out.setdefault((a, b, l["request_protocol"]), {"rate": 0.0, "codes": {}})
            c = e["codes"].setdefault(code, {"rate": 0.0, "flags": {}, "hosts": {}})
            e["rate"] += rate
            c["rate"] += rate
            c["flags"][l["response_flags"]] = c["flags"].get(l["response_flags"], 0) + rate
            c["hosts"][svc] = c["hosts"].get(svc, 0) + rate
    return out


if __name__ == "__main__":
    url, namespace, expression = (sys.argv[1:] + ["rate(istio_requests_total[60s])"])[:3]
    query = urllib.parse.urlencode({"query": f"sum({expression}) by (reporter,{GROUP})"})
    result = json.load(urllib.request.urlopen(f"{url}/api/v1/query", query.encode()))["data"]["result"]
    drawn = edges([(float(one["value"][1]), one["metric"]) for one in result], namespace)
    print(json.dumps([
        {"from": a, "to": b, "protocol": p, "rate": e["rate"], "codes": {c: v["rate"] for c, v in e["codes"].items()}}
        for (a, b, p), e in sorted(drawn.items())
    ]))
