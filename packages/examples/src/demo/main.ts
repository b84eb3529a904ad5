// pnpm demo: thousands of messages through the engine to local services that fail now and then, and then the reckoning.
import { readArguments, usage } from './arguments.ts';
import { run } from './run.ts';

const command = readArguments(process.argv.slice(2));
switch (command.kind) {
  case 'help':
    process.stdout.write(usage);
    break;
  case 'problem':
    process.stderr.write(`${command.problem}\n\n${usage}`);
    process.exitCode = 2;
    break;
  case 'run': {
    const mishaps: string[] = [];
    process.on('unhandledRejection', (reason) => {
      mishaps.push(`unhandled rejection: ${reason instanceof Error ? reason.message : 'not an error'}`);
      // Whenever it comes, also after the check.
      process.exitCode = 1;
      console.error(reason);
    });
    if (!(await run(command.settings, process.stdout, mishaps))) process.exitCode = 1;
  }
}
