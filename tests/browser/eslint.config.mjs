// As LuCI's own: tabs, and the names that its loader gives to a module.
import js from '@eslint/js';

const given = ['E', 'L', '_', 'N_', 'baseclass', 'dom', 'form', 'poll', 'rpc', 'ui', 'uci', 'view', 'api', 'parts', 'sentences', 'window', 'document', 'TextDecoder'];

export default [
	js.configs.recommended,
	{
		files: ['**/luci-static/**/*.js'],
		languageOptions: { sourceType: 'commonjs', ecmaVersion: 2021, parserOptions: { ecmaFeatures: { globalReturn: true } }, globals: Object.fromEntries(given.map(name => [name, 'readonly'])) },
		rules: { strict: ['error', 'global'], 'no-control-regex': 'off', 'no-unused-vars': ['error', { argsIgnorePattern: '^_' }], 'no-mixed-spaces-and-tabs': 'error', eqeqeq: 'off', 'prefer-const': 'error' }
	}
];
