/* How long connecting takes, a histogram a backend. */

#pragma D option quiet

qorb*:::connect-start
{
	began[arg0] = timestamp;
}

qorb*:::connect-done
/began[arg0]/
{
	@us[copyinstr(arg1)] = quantize((timestamp - began[arg0]) / 1000);
	began[arg0] = 0;
}

qorb*:::connect-failed
{
	began[arg0] = 0;
}
