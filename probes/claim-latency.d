/* How long claims wait until they are granted, a histogram a pool. */

#pragma D option quiet

qorb*:::claim-start
{
	asked[arg0] = timestamp;
}

qorb*:::claim-done
/asked[arg0]/
{
	@us[copyinstr(arg2)] = quantize((timestamp - asked[arg0]) / 1000);
	asked[arg0] = 0;
}

qorb*:::claim-failed
{
	asked[arg0] = 0;
}
