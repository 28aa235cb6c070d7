#ifndef QORB_BENCH_METER_H
#define QORB_BENCH_METER_H

/* What the programs that measure a live daemon share. */

/* Pid of the daemon behind a socket; ends the program when there is none. */
long meter_daemon_pid(const char *path);

/* Processor time that a process has used, in microseconds. */
double meter_cpu_us(long pid);

#endif
