/** Mocha's spec reporter that also leaves its counts, as JSON, in the file named by STATEVISOR_TEST_COUNTS. */

'use strict';

const { writeFileSync } = require('node:fs');
const Mocha = require('mocha');

module.exports = class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const file = process.env.STATEVISOR_TEST_COUNTS;
    if (file === undefined) return;
    runner.once('end', () => {
      const { passes, failures } = this.stats;
      writeFileSync(file, JSON.stringify({ passes, failures }));
    });
  }
};
