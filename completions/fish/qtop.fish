# fish completion for qtop(1)

complete -c qtop -f -a 'ws://' -d 'a server of figures'
complete -c qtop -s b -l batch -d 'plain tables, one after another'
complete -c qtop -s i -l interval -x -d 'time from one round to the next'
complete -c qtop -l json -d 'one JSON object a line instead'
complete -c qtop -s n -l rounds -x -d 'stop after N of them'
complete -c qtop -s p -l pool -x -d 'only this pool'
complete -c qtop -s s -l socket -r -F -d 'the socket of the daemon'
complete -c qtop -l help -d 'print a summary and exit'
complete -c qtop -l version -d 'print the version and exit'
