# fish completion for qorb-pool(8)

complete -c qorb-pool -f
complete -c qorb-pool -s c -l config -r -F -d 'configuration file'
complete -c qorb-pool -l check-config -d 'is the configuration good?'
complete -c qorb-pool -s d -l dns -x -d 'DNS servers to ask'
complete -c qorb-pool -s s -l socket -r -F -d 'socket that clients connect to'
complete -c qorb-pool -s S -l set -x -d 'a policy for all pools' -a 'connector=
    spares-wanted= max-slots= max-count= rebalance-interval= claim-timeout=
    max-waiting= codel-target= codel-interval= when-offline= connect-timeout=
    connect-rate= min-uptime= min-connection-backoff= max-connection-backoff=
    spread= health-interval= health-check-timeout= max-lifetime=
    max-claims-per-connection= leak-after= max-hold= tcp-keepalive=
    tcp-user-timeout= tcp-nodelay= isolation= balance= subset=
    min-query-interval= query-interval= query-retry= query-timeout= stale-for=
    hardcoded-ttl= empty-answers= max-dns-concurrency= family= dns-answers=
    resolver-service= state-file='
complete -c qorb-pool -s l -l log-level -x -a 'error warn info debug' -d 'what to log'
complete -c qorb-pool -s w -l web -x -a '127.0.0.1:42069 none' -d 'run qorb-web, listening there'
complete -c qorb-pool -l help -d 'print a summary and exit'
complete -c qorb-pool -l version -d 'print the version and exit'
