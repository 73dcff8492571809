// As LuCI's own: tabs, and the names that its loader gives to a module.
import js from '@eslint/js';

const luci = [ 'E', 'L', '_', 'N_', 'baseclass', 'dom', 'form', 'fs', 'poll', 'rpc', 'ui', 'uci', 'view' ];
const leash = [ 'api', 'chart', 'icons', 'news', 'summary', 'tiers', 'week', 'widgets', 'words' ];
const browser = [ 'window', 'document', 'CustomEvent', 'Node', 'Blob', 'TextDecoder' ];
const node = [ 'console', 'fetch', 'process', 'setTimeout', 'URL', 'window', 'document', 'performance', 'L' ];
const readonly = names => Object.fromEntries(names.map(name => [ name, 'readonly' ]));

const rules = {
	'max-len': [ 'error', { code: 120, tabWidth: 4 } ],
	'no-control-regex': 'off',
	'no-mixed-spaces-and-tabs': 'error',
	'no-unused-vars': [ 'error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' } ],
	'prefer-const': 'error'
};

// LuCI takes a bare string as an element's content for markup, and strings in an array for text. Much of what the page
// shows was sent by strangers, so all contents are written as arrays.
const markup = [
	{ selector: 'CallExpression[callee.name="E"]:not([arguments.2.type="ArrayExpression"])',
		message: 'E(name, attributes, [ contents ])' },
	{ selector: 'CallExpression[callee.object.name="dom"]:not([arguments.1.type="ArrayExpression"])',
		message: 'dom.content(node, [ contents ])' },
	{ selector: 'MemberExpression[property.name=/^(inner|outer)HTML$|^insertAdjacentHTML$/]',
		message: 'text, never markup' }
];

export default [
	js.configs.recommended,
	{
		files: [ '**/luci-static/**/*.js' ],
		languageOptions: {
			sourceType: 'commonjs',
			ecmaVersion: 2021,
			parserOptions: { ecmaFeatures: { globalReturn: true } },
			globals: readonly([ ...luci, ...leash, ...browser ])
		},
		rules: { ...rules, strict: [ 'error', 'global' ], 'no-restricted-syntax': [ 'error', ...markup ] }
	},
	{
		files: [ '**/*.mjs' ],
		languageOptions: { sourceType: 'module', ecmaVersion: 2024, globals: readonly(node) },
		rules
	},
	{
		files: [ '**/browser/luci/*.js' ],
		languageOptions: {
			sourceType: 'script',
			ecmaVersion: 2021,
			globals: readonly([ ...browser, 'fetch', 'setInterval' ])
		},
		rules: { ...rules, 'no-extend-native': 'off' }
	}
];
