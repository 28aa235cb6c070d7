# fish completion for qorb-resolve
complete -c qorb-resolve -f
complete -c qorb-resolve -s d -l dns -x -d 'Name servers to ask'
complete -c qorb-resolve -s e -l explain -d 'Say who named it, when, and why it stays'
complete -c qorb-resolve -s F -l feed -x -d 'Keep this pool of qorb-pool fed'
complete -c qorb-resolve -s s -l socket -r -F -d 'Socket of the daemon, for --feed'
complete -c qorb-resolve -s f -l family -x -a 'any inet6 inet' -d 'Addresses to look for'
complete -c qorb-resolve -s j -l json -d 'One object of JSON a line'
complete -c qorb-resolve -s t -l timeout -x -d 'Longest time of a look-up'
complete -c qorb-resolve -s w -l watch -d 'Go on, and print what changes'
complete -c qorb-resolve -l help -d 'Print a summary and exit'
complete -c qorb-resolve -l version -d 'Print the version and exit'
