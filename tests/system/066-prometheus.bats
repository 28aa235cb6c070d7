#!/usr/bin/env bats
#
# The figures for Prometheus: promtool and a real Prometheus understand them,
# and the rules and the dashboard of docs/examples speak of nothing else.

load helpers

EXAMPLES=$ROOT/docs/examples

# A pool that something has happened in, and qorb-web for it.
start_all()
{
	start_echo echo1 -q
	ADDR1=$ECHO_ADDR
	start_echo echo2 -q
	ADDR2=$ECHO_ADDR
	start_pool --set max-slots=4 --set spares-wanted=4 \
	    "demo=$ADDR1,$ADDR2" "empty=none"
	wait_for eval 'ask pools | grep -q "pool=demo.* unclaimed=4"'
	WEB="127.0.0.1:$(free_port)"
	start_daemon -n web -r 'ready on' qorb-web --listen "$WEB" "$@"
}

metrics()
{
	curl -sf -m "$DEADLINE" "http://$WEB/metrics"
}

# value NAME{LABELS}: the figure of a series.
value()
{
	local line
	line=$(metrics | grep -v '^#' | grep -F "$1 ") && echo "${line##* }"
}

# start_prometheus: with the rules, scraping $WEB each 200 ms; sets PROMETHEUS.
start_prometheus()
{
	local port
	port=$(free_port)
	PROMETHEUS="[::1]:$port"
	export PROMETHEUS
	mkdir "$SCRATCH/prometheus"
	sed -e "s/127.0.0.1:42069/$WEB/" -e 's/15s/200ms/' \
	    -e 's/^global:/&\n  evaluation_interval: 200ms/' \
	    "$EXAMPLES/prometheus/prometheus.yml" \
	    >"$SCRATCH/prometheus/prometheus.yml"
	# Alerts are not waited for.
	sed 's/^\( *for:\) .*/\1 0s/' "$EXAMPLES/prometheus/qorb.rules.yml" \
	    >"$SCRATCH/prometheus/qorb.rules.yml"
	start_daemon -n prometheus -r 'Server is ready' prometheus \
	    --config.file "$SCRATCH/prometheus/prometheus.yml" \
	    --storage.tsdb.path "$SCRATCH/prometheus/data" \
	    --web.listen-address "$PROMETHEUS"
}

# query EXPRESSION: each result on a line, its value last.
query()
{
	curl -sf -m "$DEADLINE" --data-urlencode "query=$1" \
	    "http://$PROMETHEUS/api/v1/query" |
	    jq -er '.data.result[] | "\(.metric | tojson) \(.value[1])"'
}

# The same of one result: its value alone.
query_value()
{
	query "$1" | sed 's/.* //'
}

# The metrics that stdin names.
names()
{
	grep -oE 'qorb_[a-z_]+' | sort -u
}

# The metrics that there are, histograms with all that they consist of.
existing()
{
	metrics | awk '$1 != "#" || $2 != "TYPE" { next }
	    $4 == "histogram" {
		print $3 "_bucket"; print $3 "_sum"; print $3 "_count"; next
	    }
	    { print $3 }' | sort -u
}

# Everything that the dashboard asks, a query a line.
dashboard_queries()
{
	jq -r '.panels[].targets[].expr' "$EXAMPLES/grafana/qorb.json"
}

@test "promtool has no complaint, and finds a HELP and TYPE for each" {
	start_all
	run_ok qorb-claim demo true
	metrics >"$SCRATCH/metrics"
	run_ok promtool check metrics <"$SCRATCH/metrics"
	assert_equal "$output$stderr" ''
	run_ok curl -sI "http://$WEB/metrics"
	assert_line --regexp 'content-type: text/plain; version=0.0.4; charset=utf-8'
	# Each once, and all of its samples behind it.
	awk '
	    $1 == "#" && $2 == "TYPE" {
		if (seen[$3]++) { print "twice: " $3; bad = 1 }
		type = $3; next
	    }
	    $1 != "#" && index($1, type) != 1 { print "astray: " $1; bad = 1 }
	    END { exit bad }' "$SCRATCH/metrics"
	# The manual has them all, and no other.
	diff <(awk '$2 == "TYPE" { print $3 }' "$SCRATCH/metrics" | sort) \
	    <(sed -n 's/^\.It Li \(qorb_.*\)/\1/p' \
		"$ROOT/docs/man/qorb-web.8" | tr -d ' ' | tr , '\n' | sort)
}

@test "the figures are those of the daemon" {
	start_all
	for _ in 1 2 3; do
		qorb-claim demo true
	done
	start_daemon -n holder -r ready qorb-claim demo \
	    sh -c 'echo ready; exec cat <&6'
	ask 'claim empty wait=0' >/dev/null
	assert_equal "$(value qorb_up)" 1
	[[ $(value "qorb_build_info{version=\"$(qorb-pool --version |
	    sed 's/.* //')\"}") == 1 ]]
	assert_equal "$(value 'qorb_claims_total{pool="demo"}')" 4
	assert_equal "$(value \
	    'qorb_claims_refused_total{pool="empty",code="no-backends"}')" 1
	assert_equal "$(value \
	    'qorb_claims_refused_total{pool="demo",code="overloaded"}')" 0
	assert_equal "$(value 'qorb_claims_waiting{pool="demo"}')" 0
	assert_equal "$(value 'qorb_claims_waiting_max{pool="demo"}')" 4096
	assert_equal "$(value 'qorb_slots_max{pool="demo"}')" 4
	assert_equal "$(value \
	    'qorb_claim_wait_seconds_bucket{pool="demo",le="+Inf"}')" 4
	assert_equal "$(value 'qorb_claim_wait_seconds_count{pool="demo"}')" 4
	assert_equal "$(value 'qorb_claim_hold_seconds_count{pool="demo"}')" 3
	[[ $(value 'qorb_claim_hold_seconds_sum{pool="demo"}') =~ ^0\.0*[1-9] ]]
	[[ $(value 'qorb_connect_seconds_count{pool="demo"}') -ge 4 ]]
	assert_equal "$(value 'qorb_backends{pool="demo",state="online"}')" 2
	assert_equal "$(value 'qorb_resolver_state{pool="demo",state="none"}')" 1
	local labels claims=0 claimed=0
	for addr in "$ADDR1" "$ADDR2"; do
		labels="pool=\"demo\",backend=\"$addr\",addr=\"$addr\""
		assert_equal "$(value "qorb_backend_up{$labels}")" 1
		claims=$((claims + $(value "qorb_backend_claims_total{$labels}")))
		claimed=$((claimed + $(value "qorb_slots{$labels,state=\"claimed\"}")))
		[[ $(value "qorb_backend_connects_total{$labels}") -ge 1 ]]
		assert_equal "$(value "qorb_backend_failures_total{$labels}")" 0
	done
	assert_equal "$claims $claimed" '4 1'
	stop_daemon holder 143
	stop_daemon echo2
	wait_for eval '[[ $(value "qorb_backends{pool=\"demo\",state=\"offline\"}") == 1 ]]'
	assert_equal "$(value "qorb_backend_up{pool=\"demo\",backend=\"$ADDR2\",addr=\"$ADDR2\"}")" 0
	[[ $(value 'qorb_failures_total{pool="demo"}') -ge 1 ]]
}

@test "histograms are cumulative, and their sums in seconds" {
	start_all
	for _ in 1 2 3 4 5; do
		qorb-claim demo true
	done
	metrics | python3 -c '
import re, sys
last = {}
bounds = {}
for line in sys.stdin:
    m = re.match(r"(qorb_\w+)_bucket\{(.*),le=\"(.*)\"\} (\d+)$", line)
    if not m:
        continue
    key, le, n = m[1] + m[2], float(m[3]), int(m[4])
    at, count = last.get(key, (0, 0))
    assert le > at and n >= count, line
    last[key] = (le, n)
    bounds.setdefault(key, []).append(m[3])
assert len(last) == 6, last
for b in bounds.values():
    assert b == ["0.00001", "0.000025", "0.00005", "0.0001", "0.00025",
        "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1",
        "0.25", "0.5", "1", "2.5", "5", "10", "25", "60", "+Inf"], b'
}

@test "labels are bounded: what is beyond the cap is summed" {
	start_all --max-backends 2
	ask "advertise demo more-1 $ADDR1 ttl=1h" \
	    "advertise demo more-2 $ADDR1 ttl=1h" \
	    "advertise demo more-3 $ADDR1 ttl=1h" \
	    "advertise demo more-4 $ADDR1 ttl=1h" >/dev/null
	wait_for eval 'ask pools | grep -q "pool=demo.* backends=6 "'
	local before
	before=$(metrics | grep -c '^qorb_slots{')
	assert_equal "$before" 12
	metrics | promtool check metrics
	metrics | grep '^qorb_slots{pool="demo",backend="other",addr=""'
	assert_equal "$(metrics | grep -c '^qorb_backend_up{')" 2
	assert_equal "$(metrics | grep -c '^qorb_backend_claims_total{')" 3
	assert_equal "$(metrics | grep -c \
	    '^qorb_backend_claims_total{pool="demo",backend="other",addr=""} ')" 1
	assert_equal "$(metrics | awk -F '[} ]+' '
	    /^qorb_backends{pool="demo"/ { n += $NF } END { print n }')" 6
	stop_daemon web
	start_daemon -n web -r 'ready on' qorb-web --listen "$WEB" \
	    --max-backends 0
	assert_equal "$(metrics | grep -c '^qorb_slots{')" 4
	metrics | promtool check metrics
}

@test "a real Prometheus scrapes it and answers for it" {
	start_all
	start_prometheus
	wait_for eval '[[ $(query_value "up{job=\"qorb\"}") == 1 ]]'
	for _ in 1 2 3; do
		qorb-claim demo true
	done
	ask 'claim empty wait=0' >/dev/null
	wait_for eval '[[ $(query_value "qorb_claims_total{pool=\"demo\"}") == 3 ]]'
	assert_equal "$(query_value 'qorb_up')" 1
	wait_for eval '[[ $(query_value \
	    "sum(qorb_claims_refused_total{code=\"no-backends\"})") == 1 ]]'
	assert_equal "$(query_value 'sum(qorb_slots{pool="demo"})')" 4
	assert_equal "$(query_value 'count(count by (backend) (qorb_slots))')" 2
	assert_equal "$(query_value \
	    'histogram_quantile(0.5, qorb_claim_hold_seconds_bucket{pool="demo"}) > bool 0')" 1
	assert_equal "$(query_value \
	    "count({__name__=~\"qorb_.*\", instance=\"$WEB\"}) > bool 100")" 1
	# It knows what each is.
	run_ok curl -sf "http://$PROMETHEUS/api/v1/metadata"
	for want in qorb_claims_total:counter qorb_slots:gauge \
	    qorb_claim_wait_seconds:histogram; do
		assert_equal "$(jq -r --arg name "${want%:*}" \
		    '.data[$name][0].type' <<<"$output")" "${want#*:}"
	done
	# The daemon goes: qorb_up says so, and its figures end.
	stop_daemon pool
	wait_for eval '[[ $(query_value qorb_up) == 0 ]]'
	assert_equal "$(query_value 'up{job="qorb"}')" 1
	run query qorb_claims_total
	assert_output ''
	wait_for eval 'query "ALERTS{alertstate=\"firing\"}" |
	    grep -q QorbDaemonDown'
}

@test "each query of the dashboard has an answer" {
	start_all
	start_prometheus
	start_daemon -n load qorb-load --tasks 2 --duration 1m demo
	wait_for eval '[[ $(query_value \
	    "min(count_over_time(qorb_claims_total[1m]))") -ge 5 ]]'
	local count=0 expr
	while IFS= read -r expr; do
		expr=${expr//\$__rate_interval/1m}
		expr=${expr//\$instance/.*}
		expr=${expr//\$pool/.*}
		if ! query "$expr" >/dev/null; then
			echo "no answer: $expr"
			return 1
		fi
		count=$((count + 1))
	done < <(dashboard_queries)
	[[ $count -ge 20 ]]
	stop_daemon -s KILL load 137
}

@test "each rule has a figure to compare" {
	start_all
	start_prometheus
	wait_for eval '[[ $(query_value \
	    "min(count_over_time(qorb_claims_total[1m]))") -ge 5 ]]'
	curl -sf "http://$PROMETHEUS/api/v1/rules" |
	    jq -r '.data.groups[].rules[].query' >"$SCRATCH/rules"
	local count=0 expr
	while IFS= read -r expr; do
		if ! [[ $expr =~ ^(.*)' '(==|>)' '[0-9.]+$ ]] ||
		    ! query "${BASH_REMATCH[1]}" >/dev/null; then
			echo "nothing to compare: $expr"
			return 1
		fi
		count=$((count + 1))
	done <"$SCRATCH/rules"
	assert_equal "$count" \
	    "$(grep -c 'alert:' "$EXAMPLES/prometheus/qorb.rules.yml")"
}

@test "the rules are good, and fire when they should" {
	run_ok promtool check rules "$EXAMPLES/prometheus/qorb.rules.yml"
	run_ok promtool check config "$EXAMPLES/prometheus/prometheus.yml"
	run_ok promtool test rules \
	    "$BATS_TEST_DIRNAME/qorb.rules.test.yml"
	# Each of them is tried.
	diff <(sed -n 's/.*- alert: //p' "$EXAMPLES/prometheus/qorb.rules.yml" |
	    sort) <(sed -n 's/^ *alertname: //p' \
	    "$BATS_TEST_DIRNAME/qorb.rules.test.yml" | sort -u)
}

@test "rules and dashboard name only metrics that there are" {
	start_all
	existing >"$SCRATCH/existing"
	for what in 'cat "$EXAMPLES/prometheus/qorb.rules.yml"' \
	    'dashboard_queries' \
	    'jq -r ".templating.list[].definition // empty" "$EXAMPLES/grafana/qorb.json"'; do
		eval "$what" | names >"$SCRATCH/named"
		[[ -s $SCRATCH/named ]]
		run comm -23 "$SCRATCH/named" "$SCRATCH/existing"
		assert_output ''
	done
	# A name that ends in one of the parts of a histogram is one of them.
	! grep -q '^qorb_claim_wait_seconds$' "$SCRATCH/existing" || return 1
}
